//! A chat model behind the API that the Hub's router, vLLM, llama.cpp and others have.

use std::{env, time::Duration};

use anyhow::{Context, Error, bail, ensure};
use webhooks_runtime::{Permanent, RetryAfter, serde_json, serde_json::Value, serde_json::json};

const ROUTER: &str = "https://router.huggingface.co/v1";

pub struct Chat {
    pub endpoint: String,
    pub token: Option<String>,
    pub model: String,
    pub timeout: Duration,
}

impl Chat {
    /// Reads the environment. `HF_TOKEN` goes to the Hub's router, and to no other endpoint.
    pub fn from_env() -> anyhow::Result<Self> {
        let (endpoint, token) = match env::var("CHAT_ENDPOINT") {
            Ok(endpoint) => (endpoint, env::var("CHAT_TOKEN").ok()),
            Err(_) => (ROUTER.to_owned(), Some(env::var("HF_TOKEN").context("set HF_TOKEN")?)),
        };
        let model = env::var("CHAT_MODEL").unwrap_or_else(|_| "openai/gpt-oss-20b".to_owned());
        Ok(Self { endpoint, token, model, timeout: Duration::from_secs(4 * 60) })
    }

    /// Asks for the next message of a conversation. It blocks the thread.
    pub fn complete(&self, messages: &[Value]) -> anyhow::Result<String> {
        let url = format!("{}/chat/completions", self.endpoint.trim_end_matches('/'));
        let mut request = ureq::post(&url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let config = request.config().timeout_global(Some(self.timeout)).max_redirects(0);
        let request = config.http_status_as_error(false).build();
        let body = json!({ "model": self.model, "messages": messages, "max_tokens": 2000 });
        let response = request.send(body.to_string());
        let mut reply = response.with_context(|| format!("{url} does not respond"))?;
        let wait = reply.headers().get("Retry-After").and_then(|it| it.to_str().ok()?.parse().ok());
        let later = RetryAfter(Duration::from_secs(wait.unwrap_or(60)));
        match reply.status().as_u16() {
            200 => {}
            429 | 503 => return Err(Error::from(later).context(format!("{url} is busy"))),
            status @ (408 | 500..) => bail!("{url} responds with {status}"),
            status => bail!(Permanent::new(format!(
                "{url} responds with {status}: check CHAT_ENDPOINT, CHAT_MODEL and the token"
            ))),
        }
        let answer: Value = serde_json::from_str(&reply.body_mut().read_to_string()?)?;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().trim();
        ensure!(!text.is_empty(), "the model {} has written no text", self.model);
        Ok(text.to_owned())
    }
}
