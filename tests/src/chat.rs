//! A chat model for tests: a server that responds to chat completions as a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use serde_json::{Value, json};

use crate::local_server::LocalServer;
use crate::program::fail;

/// How a model responds to a request.
#[derive(Clone, Debug)]
pub enum ChatResponse {
    /// With a text, after some time.
    Text(&'static str, Duration),
    /// With an error, and the seconds of `Retry-After`.
    Status(u16, Option<u32>),
}

/// A request for a chat completion.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

#[derive(Debug, Default)]
struct ChatState {
    responses: VecDeque<ChatResponse>,
    requests: Vec<ChatRequest>,
}

/// A server with a chat model. It ends when it is dropped.
#[derive(Debug)]
pub struct TestModel {
    endpoint: String,
    state: Arc<Mutex<ChatState>>,
    server: Option<LocalServer>,
}

impl TestModel {
    /// Starts one on a free port, with these responses. After the last one, each request gets an error.
    ///
    /// # Panics
    ///
    /// When it doesn't start.
    #[must_use]
    pub fn start(responses: &[ChatResponse]) -> Self {
        let responses = responses.iter().cloned().collect();
        let state = Arc::new(Mutex::new(ChatState { responses, requests: Vec::new() }));
        let data = Data::from(Arc::clone(&state));
        let server = LocalServer::start(0, move |config| {
            config.app_data(data.clone()).route("/v1/chat/completions", web::post().to(complete));
        });
        let server = server.unwrap_or_else(|error| fail(&format!("no model: {error}")));
        Self { endpoint: format!("{}/v1", server.url), state, server: Some(server) }
    }

    /// Returns the URL to which `/chat/completions` is added.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the requests until now.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for TestModel {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

fn lock(state: &Mutex<ChatState>) -> MutexGuard<'_, ChatState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn complete(
    request: HttpRequest,
    body: Bytes,
    state: Data<Mutex<ChatState>>,
) -> HttpResponse {
    let authorization = request.headers().get("Authorization");
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let response = {
        let mut state = lock(&state);
        let body = serde_json::from_slice(&body).unwrap_or_default();
        state.requests.push(ChatRequest { authorization, body });
        state.responses.pop_front()
    };
    match response {
        Some(ChatResponse::Text(text, delay)) => {
            rt::time::sleep(delay).await;
            let message = json!({ "role": "assistant", "content": text });
            HttpResponse::Ok().json(json!({ "choices": [{ "index": 0, "message": message }] }))
        }
        Some(ChatResponse::Status(status, seconds)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = HttpResponse::build(status);
            if let Some(seconds) = seconds {
                response.insert_header(("Retry-After", seconds.to_string()));
            }
            response.json(json!({ "error": "not now" }))
        }
        None => HttpResponse::NotFound().json(json!({ "error": "a request too many" })),
    }
}
