//! Runs the functions of a program for one delivery, in this process: without a port, a secret or a store.
//!
//! A function gets the delivery on the same way as from the server: its filter, its arguments, the app's data.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::Bytes;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::log::{self, LogOutput};
use super::prepare::{Mode, prepare};
use super::signals::StopSignal;
use super::{LaunchError, WebhooksServer};
use crate::config::environment::Environment;
use crate::config::log_format::LogFormat;
use crate::config::settings::PartialSettings;
use crate::endpoint::call::WEBHOOK_ID;
use crate::endpoint::filter::Conditions;
use crate::endpoint::registry::{self, Route};
use crate::http::app::{Blueprint, track_request};
use crate::http::outcome::{Observation, Observer, Reason};
use crate::http::without_store::WithoutStore;

/// A delivery that the program has already.
#[derive(Debug)]
pub(crate) struct GivenDelivery {
    pub(crate) body: Bytes,
    /// One that no header can carry is ignored.
    pub(crate) webhook_id: Option<String>,
}

/// The end of a function's run, or why it did not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    Succeeded,
    /// The delivery does not match the endpoint's filter, for this reason.
    Skipped(String),
    /// The body does not fit the filter or an argument, for this reason.
    Rejected(String),
    /// The function failed for good, with this error if it has a description.
    Failed(Option<String>),
}

/// The functions of a program, ready to run for one delivery.
pub(crate) struct OneDelivery {
    /// Sorted by path.
    pub(crate) endpoints: Vec<Route>,
    blueprint: Blueprint,
    log_format: LogFormat,
    last: Arc<LastRun>,
}

impl OneDelivery {
    /// Resolves every setting like a server that starts with the same flags and variables, and with the same errors.
    /// Secrets are not needed.
    pub(crate) fn prepare(
        server: WebhooksServer,
        flags: PartialSettings,
    ) -> Result<Self, LaunchError> {
        let flags = flags.without_the_hub();
        let (endpoints, _) = registry::sort(server.endpoints.iter().cloned());
        let prepared = prepare(server, flags, Mode::OneDelivery, &Environment::default())?;
        let shared = Arc::clone(prepared.dispatcher.shared());
        prepared.dispatcher.set_store(Arc::new(WithoutStore { shared }));
        let last = Arc::new(LastRun::default());
        let observer = Arc::clone(&last) as Arc<dyn Observer>;
        let log_format = prepared.settings.log_format;
        Ok(Self { endpoints, blueprint: prepared.blueprint(Some(observer)), log_format, last })
    }

    /// Returns the conditions of the endpoint's filter, if it has one.
    pub(crate) fn filter_of(&self, endpoint: &Route) -> Option<&Conditions> {
        self.blueprint.dispatcher.filter_of(&endpoint.path)
    }

    /// Runs the functions at these paths one after the other, until there is a signal, and reports the end of each.
    /// Returns the signal that stopped them.
    pub(crate) fn run(
        &self,
        paths: &[String],
        delivery: &GivenDelivery,
        signal: oneshot::Receiver<StopSignal>,
        report: impl FnMut(&str, &RunOutcome, Duration),
    ) -> io::Result<Option<StopSignal>> {
        log::init(LogOutput::StandardError(self.log_format));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let stopped = LocalSet::new().block_on(&runtime, async {
            tokio::select! {
                biased;
                Ok(signal) = signal => Some(signal),
                () = self.run_all(paths, delivery, report) => None,
            }
        });
        if let Some(tracer) = self.blueprint.parts.iter().find_map(|part| part.tracer()) {
            runtime.block_on(tracer.flush(MAX_FLUSH));
        }
        // Does not wait for a thread, which cannot be stopped.
        runtime.shutdown_background();
        Ok(stopped)
    }

    async fn run_all(
        &self,
        paths: &[String],
        delivery: &GivenDelivery,
        mut report: impl FnMut(&str, &RunOutcome, Duration),
    ) {
        let app = App::new().wrap_fn(track_request).configure(|app| self.blueprint.apply(app));
        let app = init_service(app).await;
        for path in paths {
            let response = app.call(request(path, delivery).to_request()).await;
            let is_whole = match response {
                Ok(response) => read(response).await,
                Err(_) => false,
            };
            let (mut outcome, duration) = self.last.take();
            if outcome == RunOutcome::Succeeded && !is_whole {
                outcome = RunOutcome::Failed(Some("its response broke off".to_owned()));
            }
            report(path, &outcome, duration);
        }
    }
}

/// How long the last spans of a trace may take to be sent.
const MAX_FLUSH: Duration = Duration::from_secs(3);

/// Makes the request that a server would get.
fn request(path: &str, delivery: &GivenDelivery) -> TestRequest {
    let request = TestRequest::post()
        .uri(path)
        .peer_addr(SocketAddr::from(([127, 0, 0, 1], 0)))
        .insert_header(("content-type", "application/json"))
        .set_payload(delivery.body.clone());
    match &delivery.webhook_id {
        Some(id) if id.parse::<actix_web::http::header::HeaderValue>().is_ok() => {
            request.insert_header((WEBHOOK_ID, id.as_str()))
        }
        _ => request,
    }
}

/// Reads a response, which may be a stream that still works. Returns whether it came to its end.
async fn read(response: ServiceResponse) -> bool {
    to_bytes(response.into_body()).await.is_ok()
}

/// The outcome of the last function that ran, and how long it took.
#[derive(Default)]
struct LastRun(Mutex<Option<(RunOutcome, Duration)>>);

impl LastRun {
    fn take(&self) -> (RunOutcome, Duration) {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.unwrap_or((RunOutcome::Failed(None), Duration::ZERO))
    }
}

impl Observer for LastRun {
    fn observe(&self, observation: &Observation<'_>) {
        let status = observation.outcome.response.status();
        let outcome = match &observation.outcome.reason {
            Some(Reason::Skipped(reason)) => RunOutcome::Skipped(reason.as_ref().to_owned()),
            Some(Reason::BadArgument(reason)) => RunOutcome::Rejected(reason.clone().into_owned()),
            // Rejected before the function was called.
            Some(Reason::Rejected(reason)) if observation.body.is_none() => {
                RunOutcome::Rejected(reason.clone().into_owned())
            }
            Some(Reason::Rejected(reason)) => RunOutcome::Failed(Some(reason.clone().into_owned())),
            Some(Reason::Failed(error)) => RunOutcome::Failed(Some(error.clone())),
            None if status.is_client_error() || status.is_server_error() => {
                RunOutcome::Failed(None)
            }
            None => RunOutcome::Succeeded,
        };
        let last = Some((outcome, observation.duration));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }
}
