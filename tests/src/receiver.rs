//! A receiver of alerts, as a chat is one: a server that notes what is posted to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when there is no such thing")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::client::PATIENCE;
use crate::local_server::LocalServer;
use crate::program::fail;

/// A request to the receiver.
#[derive(Clone, Debug)]
pub struct ReceivedPost {
    /// Method, path and query.
    pub line: String,
    /// Its header `Content-Type`.
    pub content_type: String,
    /// Its body.
    pub json: Value,
}

/// What a receiver responds with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReceiverResponse {
    /// 200.
    #[default]
    Ok,
    /// Another status, with a body that no log may show.
    Status(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// Nothing, for as long as it is so.
    Nothing,
}

#[derive(Debug, Default)]
struct ReceiverState {
    posts: Vec<ReceivedPost>,
    response: ReceiverResponse,
}

/// A receiver, for as long as the test runs.
#[derive(Clone, Debug)]
pub struct AlertReceiver {
    /// Its URL, without a path.
    pub url: String,
    state: Arc<Mutex<ReceiverState>>,
}

impl AlertReceiver {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// Starts one on this port.
    #[must_use]
    pub fn start_on(port: u16) -> Self {
        let state = Arc::<Mutex<ReceiverState>>::default();
        let data = web::Data::from(Arc::clone(&state));
        let server = LocalServer::start(port, move |config| {
            config.app_data(data.clone()).default_service(web::to(receive));
        });
        Self { url: server.unwrap().url, state }
    }

    /// What it responds with from now on, also to requests that wait for a response.
    pub fn respond_with(&self, response: ReceiverResponse) {
        self.state().response = response;
    }

    /// All posts so far.
    #[must_use]
    pub fn posts(&self) -> Vec<ReceivedPost> {
        self.state().posts.clone()
    }

    /// All alerts so far.
    #[must_use]
    pub fn alerts(&self) -> Vec<Value> {
        let posts = self.posts();
        posts.iter().flat_map(|post| post.json["alerts"].as_array().cloned().unwrap()).collect()
    }

    /// Waits until so many alerts of this kind have come, and gives them.
    #[must_use]
    pub fn wait_for(&self, kind: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut alerts = self.alerts();
            alerts.retain(|alert| alert["kind"] == kind);
            if alerts.len() >= count {
                return alerts;
            }
            if Instant::now() > deadline {
                fail(&format!("not {count} alerts {kind:?}: {:#?}", self.posts()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn state(&self) -> MutexGuard<'_, ReceiverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    state: web::Data<Mutex<ReceiverState>>,
) -> HttpResponse {
    let state = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let content_type = request.headers().get("content-type");
    let post = ReceivedPost {
        line: format!("{} {}", request.method(), request.uri()),
        content_type: content_type.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default(),
        json: serde_json::from_slice(&body).unwrap_or_default(),
    };
    state().posts.push(post);
    loop {
        let response = state().response.clone();
        match response {
            ReceiverResponse::Ok => return HttpResponse::Ok().body("ok"),
            ReceiverResponse::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap();
                return HttpResponse::build(status).body("no alerts today");
            }
            ReceiverResponse::Redirect(url) => {
                return HttpResponse::TemporaryRedirect().insert_header(("location", url)).finish();
            }
            ReceiverResponse::Nothing => {
                actix_web::rt::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}
