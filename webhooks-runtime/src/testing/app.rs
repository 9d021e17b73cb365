//! The thread that runs the server's app in a test.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, Uri};
use actix_web::test::{TestRequest as ActixRequest, init_service};
use actix_web::web::Bytes;
use actix_web::{App, HttpMessage, HttpResponse, rt};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::response::{OutcomeDetails, TestResponse};
use crate::http::app::{Blueprint, track_request};
use crate::http::dispatch::Dispatcher;
use crate::http::inline::run_enqueued;
use crate::http::outcome::{Observation, Observer};
use crate::jobs::enqueue::EnqueuedDelivery;
use crate::server::{LaunchError, WebhooksServer, in_process};

/// Sends requests to the thread, which ends with the last sender.
pub(super) type AppSender = mpsc::UnboundedSender<Job>;

/// What the thread handles, and what to do with the response.
pub(super) enum Job {
    Request {
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
        respond: Respond,
    },
    /// A delivery of the program itself.
    Enqueued {
        delivery: EnqueuedDelivery,
        respond: Respond,
    },
}

/// Takes the response.
pub(super) type Respond = Box<dyn FnOnce(TestResponse) + Send>;

/// Starts a thread for the app of a server.
pub(super) fn start(server: WebhooksServer) -> Result<(Arc<Dispatcher>, AppSender), LaunchError> {
    let blueprint = in_process(server, Arc::new(DetailsRecorder))?;
    let dispatcher = Arc::clone(&blueprint.dispatcher);
    let (sender, jobs) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("webhooks-test-server".to_owned())
        .spawn(move || LocalSet::new().block_on(&runtime, serve(blueprint, jobs)))?;
    Ok((dispatcher, sender))
}

/// Handles requests, all at the same time, until the last sender is gone.
async fn serve(blueprint: Blueprint, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let dispatcher = Arc::clone(&blueprint.dispatcher);
    let app = App::new().wrap_fn(track_request).configure(|app| blueprint.apply(app));
    let app = Rc::new(init_service(app).await);
    while let Some(job) = jobs.recv().await {
        let (method, uri, headers, body, respond) = match job {
            Job::Request { method, uri, headers, body, respond } => {
                (method, uri, headers, body, respond)
            }
            Job::Enqueued { delivery, respond } => {
                let shared = Arc::clone(dispatcher.shared());
                rt::spawn(async move {
                    let outcome = run_enqueued(delivery, shared).await;
                    let details = OutcomeDetails { reason: outcome.reason, note: outcome.note };
                    let details = DetailsSlot(Rc::new(RefCell::new(details)));
                    if let Some(response) = read(outcome.response, details).await {
                        respond(response);
                    }
                });
                continue;
            }
        };
        let app = Rc::clone(&app);
        rt::spawn(async move {
            let request = as_received(method, &uri, &headers, body).to_request();
            let details = DetailsSlot::default();
            request.extensions_mut().insert(details.clone());
            let response = match app.call(request).await {
                Ok(response) => response.into_parts().1,
                Err(error) => error.error_response(),
            };
            // A response without all of its body is none.
            if let Some(response) = read(response, details).await {
                respond(response);
            }
        });
    }
}

/// Makes the request that the app gets from the network.
fn as_received(method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> ActixRequest {
    let peer = SocketAddr::from(([127, 0, 0, 1], 7860));
    let request = ActixRequest::with_uri(&uri.to_string()).method(method).peer_addr(peer);
    headers.iter().fold(request.set_payload(body), ActixRequest::insert_header)
}

/// The details of a request's outcome that a response over the network does not reveal, in the request's extensions.
#[derive(Clone, Default)]
struct DetailsSlot(Rc<RefCell<OutcomeDetails>>);

/// Puts the details of an outcome into the slot of its request.
struct DetailsRecorder;

impl Observer for DetailsRecorder {
    fn observe(&self, observation: &Observation<'_>) {
        let extensions = observation.delivery.request.extensions();
        if let Some(slot) = extensions.get::<DetailsSlot>() {
            let outcome = observation.outcome;
            let details =
                OutcomeDetails { reason: outcome.reason.clone(), note: outcome.note.clone() };
            *slot.0.borrow_mut() = details;
        }
    }
}

/// Reads a response to the end of its body; `None` when the body breaks off.
async fn read(response: HttpResponse, details: DetailsSlot) -> Option<TestResponse> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.ok()?;
    Some(TestResponse::new(status, headers, body, details.0.take()))
}
