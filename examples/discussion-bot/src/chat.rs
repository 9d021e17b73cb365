use std::{env, time::Duration};

use anyhow::{Context, Error, bail, ensure};
use webhooks_runtime::serde_json::{self, Value, json};
use webhooks_runtime::{Hub, Permanent, RetryAfter};

const INSTRUCTION: &str = "You are a bot in a discussion on the Hugging Face Hub. Write a reply to \
    the last comment, briefly and in its language. If you do not know, say so.";
const ADVICE: &str = "check CHAT_ENDPOINT, CHAT_MODEL, the token and its credit";

/// A chat model behind the API that the Hub's router, vLLM, llama.cpp and others have.
pub struct Chat {
    pub endpoint: String,
    pub token: Option<String>,
    pub model: String,
    pub timeout: Duration,
}

impl Chat {
    /// Reads the environment. The Hub's token goes to its router, and to no other endpoint.
    pub fn from_env() -> anyhow::Result<Self> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("CHAT_ENDPOINT");
        let token = match &endpoint {
            Some(_) => variable("CHAT_TOKEN"),
            None => Some(Hub::from_env()?.router_token().context("set CHAT_ENDPOINT")?),
        };
        let endpoint = endpoint.unwrap_or_else(|| "https://router.huggingface.co/v1".to_owned());
        let model = variable("CHAT_MODEL").unwrap_or_else(|| "openai/gpt-oss-20b".to_owned());
        Ok(Self { endpoint, token, model, timeout: Duration::from_secs(4 * 60) })
    }

    /// Asks for a reply to the last comment of a discussion. It blocks the thread.
    pub fn reply_to(&self, discussion: &Value) -> anyhow::Result<String> {
        let url = format!("{}/chat/completions", self.endpoint.trim_end_matches('/'));
        let mut request = ureq::post(&url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let config = request.config().timeout_global(Some(self.timeout)).max_redirects(0);
        let request = config.http_status_as_error(false).build();
        let system = json!({ "role": "system", "content": INSTRUCTION });
        let user = json!({ "role": "user", "content": discussion.to_string() });
        let body = json!({ "model": self.model, "messages": [system, user], "max_tokens": 2000 });
        let response = request.send(body.to_string());
        let mut reply = response.context(format!("{url} does not respond"))?;
        let wait = reply.headers().get("Retry-After").and_then(|it| it.to_str().ok()?.parse().ok());
        let later = RetryAfter(Duration::from_secs(wait.unwrap_or(60)));
        match reply.status().as_u16() {
            200 => {}
            429 | 503 => return Err(Error::from(later).context(format!("{url} is busy"))),
            status @ (408 | 500..) => bail!("{url} responds with {status}"),
            status => bail!(Permanent::new(format!("{url} responds with {status}: {ADVICE}"))),
        }
        let answer: Value = serde_json::from_str(&reply.body_mut().read_to_string()?)?;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().trim();
        ensure!(!text.is_empty(), "the model {} has written no text", self.model);
        Ok(text.to_owned())
    }
}
