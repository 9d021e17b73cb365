//! Responses, and the form of errors.

use serde_json::{Value, json};

/// A response.
#[derive(Clone, Debug)]
pub(in crate::hub) struct CallResponse {
    pub(in crate::hub) status: u16,
    pub(in crate::hub) headers: Vec<(&'static str, String)>,
    pub(in crate::hub) body: Vec<u8>,
}

/// What a call leads to.
#[derive(Debug)]
pub(in crate::hub) enum CallOutcome {
    /// A response.
    Reply(CallResponse),
    /// A delivery that is sent before the response: of this webhook, by its id in the log.
    Replay { webhook: String, log_id: String },
}

impl From<CallResponse> for CallOutcome {
    fn from(reply: CallResponse) -> Self {
        Self::Reply(reply)
    }
}

impl CallResponse {
    /// Returns JSON.
    pub(in crate::hub) fn json(value: &Value) -> Self {
        let headers = vec![("Content-Type", "application/json; charset=utf-8".to_owned())];
        Self { status: 200, headers, body: value.to_string().into_bytes() }
    }

    /// Returns text, as the Hub does where it has nothing to say.
    pub(in crate::hub) fn text(text: impl Into<String>) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Self { status: 200, headers, body: text.into().into_bytes() }
    }
}

/// An error response.
#[derive(Clone, Debug)]
pub(in crate::hub) struct CallRejection {
    pub(in crate::hub) status: u16,
    code: Option<&'static str>,
    pub(in crate::hub) message: String,
    /// Whether no client should send such a request.
    pub(in crate::hub) is_fault: bool,
    headers: Vec<(&'static str, String)>,
}

impl CallRejection {
    /// Returns an error that a correct client can meet.
    pub(in crate::hub) fn new(status: u16, message: &str) -> Self {
        let message = message.to_owned();
        Self { status, code: None, message, is_fault: false, headers: Vec::new() }
    }

    /// Returns one with a code.
    pub(in crate::hub) fn coded(status: u16, code: &'static str, message: &str) -> Self {
        Self { code: Some(code), ..Self::new(status, message) }
    }

    /// Returns an error of the client.
    pub(in crate::hub) fn fault(status: u16, message: &str) -> Self {
        Self { is_fault: true, ..Self::new(status, message) }
    }

    /// Returns the error for a call without a token.
    pub(in crate::hub) fn unauthorized() -> Self {
        Self::new(401, "Invalid username or password.")
    }

    /// Returns the error of a reached limit, which is reset after so many seconds.
    pub(in crate::hub) fn rate_limited(seconds: u64) -> Self {
        let headers = vec![("RateLimit", format!("\"api\";r=0;t={seconds}"))];
        Self { headers, ..Self::new(429, "We had to rate limit you") }
    }

    /// Returns the error as a response.
    pub(in crate::hub) fn reply(&self) -> CallResponse {
        let mut reply = CallResponse::json(&json!({ "error": self.message }));
        reply.status = self.status;
        reply.headers.push(("X-Error-Message", self.message.replace('\n', " ")));
        if let Some(code) = self.code {
            reply.headers.push(("X-Error-Code", code.to_owned()));
        }
        reply.headers.extend(self.headers.iter().cloned());
        reply
    }
}
