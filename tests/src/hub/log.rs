//! The requests that the Hub received, and what was wrong with them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request that the Hub received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// The path, encoded as it was sent.
    pub path: String,
    /// The query, decoded and sorted by its keys.
    pub query: BTreeMap<String, String>,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// The status of the response. 0 when the connection was closed without one.
    pub status: u16,
}

impl ReceivedRequest {
    /// Returns the method and the path: `GET /api/whoami-v2`.
    #[must_use]
    pub fn first_line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns the body as JSON: a list of its lines, if it is a commit's NDJSON; `null`, if it is empty or neither.
    #[must_use]
    pub fn json(&self) -> Value {
        let is_lines = self.headers.get("content-type").is_some_and(|it| it.contains("ndjson"));
        if is_lines {
            let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice::<Value>(line).unwrap_or_default()).collect()
        } else {
            serde_json::from_slice(&self.body).unwrap_or_default()
        }
    }
}

/// All requests and faults so far.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    pub(super) requests: Vec<ReceivedRequest>,
    /// Those of large files, at their own origin.
    pub(super) file_requests: Vec<ReceivedRequest>,
    /// Requests that no client should send.
    pub(super) faults: Vec<String>,
}
