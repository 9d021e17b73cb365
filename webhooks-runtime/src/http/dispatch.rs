//! Handles a delivery, step by step:
//! route → method → secret → body's type and size → body → filter and checks → arguments → function → response →
//! observers.
//!
//! An invalid request is rejected as early as possible, usually before its body is read.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::HttpRequest;
use actix_web::dev::{Payload, RequestHead};
use actix_web::http::Method;
use actix_web::web::Bytes;
use foldhash::fast::RandomState;
use tracing::Instrument;

use super::authorize::{authorize, check_body_headers, require_post, take_secret_from_query};
use super::background::{Accept, AcceptRequest};
use super::body;
use super::checks::admit;
use super::guarded::{GuardedRoute, RunningGuard, log_running, sum};
use super::hooks::RequestHooks;
use super::inline::run_inline;
use super::intercept::{Unread, intercept};
use super::log::DeliveryLog;
use super::outcome::{DeliveryRequest, Observation, Observer, Outcome};
use super::rejection::{Rejection, not_found};
use super::respond::respond;
use super::sandbox::sandbox;
use super::watchdog::{was_blocked_since, watch_for_blocking};
use crate::config::addresses::Addresses;
use crate::config::limits::Limits;
use crate::endpoint::Work;
use crate::endpoint::background::{BackgroundWork, SharedData};
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::filter::Conditions;
use crate::payload::replace_unpaired_surrogates;
use crate::trace::{Tracer, in_span};

/// The sender of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Anyone. The delivery must be authorized.
    Unknown,
    /// An authorized viewer of the page.
    Viewer,
}

/// All endpoints by path, with the settings for handling a delivery.
pub(crate) struct Dispatcher {
    /// Uses a fast hash, because nobody outside the program can add a path.
    routes: HashMap<Arc<str>, GuardedRoute, RandomState>,
    limits: Limits,
    secret_in_query: bool,
    addresses: Addresses,
    /// The values that functions share.
    shared: Arc<SharedData>,
    /// Accepts background deliveries. Unset in a test, which runs them within the request.
    store: OnceLock<Arc<dyn Accept>>,
    log: DeliveryLog,
    /// Set once the parts are composed.
    hooks: OnceLock<RequestHooks>,
    /// The number of deliveries so far.
    count: AtomicU64,
}

impl Dispatcher {
    pub(crate) fn new(
        routes: Vec<GuardedRoute>,
        limits: Limits,
        secret_in_query: bool,
        addresses: Addresses,
        shared: Arc<SharedData>,
    ) -> Self {
        let by_path = |guarded: GuardedRoute| (guarded.route.path.as_str().into(), guarded);
        Self {
            routes: routes.into_iter().map(by_path).collect(),
            limits,
            secret_in_query,
            addresses,
            shared,
            store: OnceLock::new(),
            log: DeliveryLog::default(),
            hooks: OnceLock::new(),
            count: AtomicU64::new(0),
        }
    }

    /// Sets what the parts do with each request.
    pub(crate) fn set_hooks(&self, hooks: RequestHooks) {
        // A server is prepared once.
        let _ = self.hooks.set(hooks);
    }

    /// Sets the store of background deliveries.
    pub(crate) fn set_store(&self, store: Arc<dyn Accept>) {
        // A server is started once.
        let _ = self.store.set(store);
    }

    /// Returns the values that functions share.
    pub(crate) fn shared(&self) -> &Arc<SharedData> {
        &self.shared
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the endpoint at a path, with or without a trailing slash.
    fn find(&self, path: &str) -> Option<(&Arc<str>, &GuardedRoute)> {
        self.routes.get_key_value(path.strip_suffix('/').unwrap_or(path))
    }

    /// Returns a secret that the endpoint at this path accepts, if it has one.
    pub(crate) fn secret_of(&self, path: &str) -> Option<&[u8]> {
        self.find(path)?.1.secrets.as_ref()?.first()
    }

    /// Returns the work of the background endpoint at this path, if there is one.
    pub(crate) fn background_of(&self, path: &str) -> Option<&BackgroundWork> {
        self.find(path)?.1.route.work.background()
    }

    /// Returns the conditions of the filter of the endpoint at this path, if it has one.
    pub(crate) fn filter_of(&self, path: &str) -> Option<&Conditions> {
        self.find(path)?.1.filter.as_ref()
    }

    /// Moves the secret from a request's query to its header, if the server accepts it there.
    pub(super) fn prepare_head(&self, head: &mut RequestHead) {
        if self.secret_in_query {
            take_secret_from_query(head);
        }
    }

    /// Logs the rejections and the skipped deliveries that are only counted so far, when the server shuts down.
    pub(crate) fn finish_log(&self) {
        self.log.finish();
        if let Some((count, endpoints)) = sum(self.routes.values(), |guarded| &guarded.skipped) {
            tracing::info!(
                target: DELIVERY,
                count,
                endpoints,
                "deliveries were skipped since the start, because they do not match the filters of their endpoints"
            );
        }
    }

    /// Logs the functions that are still running when the shutdown timeout is over.
    pub(crate) fn report_running(&self) {
        log_running(self.routes.values());
    }

    /// Responds to a request to a path below `/webhooks`.
    pub(super) async fn dispatch(&self, request: &HttpRequest, payload: Payload) -> Outcome {
        let mut outcome = self.dispatch_from(Sender::Unknown, request, payload).await;
        sandbox(outcome.response.headers_mut());
        outcome
    }

    /// Handles a delivery, from its route to the observers of its outcome.
    pub(crate) async fn dispatch_from(
        &self,
        sender: Sender,
        request: &HttpRequest,
        payload: Payload,
    ) -> Outcome {
        let Some((path, guarded)) = self.find(request.path()) else {
            return not_found().into();
        };
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut delivery = DeliveryRequest::new(number, request, path);
        let read = self.read(sender, guarded, &mut delivery, payload).await;
        let (body, outcome) = match read {
            Ok(body) => {
                // Only a call in a span is boxed.
                let outcome = match delivery.span.clone() {
                    Some(span) => {
                        in_span(span, self.call(sender, guarded, &delivery, body.clone())).await
                    }
                    None => self.call(sender, guarded, &delivery, body.clone()).await,
                };
                (Some(body), outcome)
            }
            Err(Unread::Rejected(rejection)) => (None, rejection.outcome()),
            Err(Unread::Intercepted(response)) => return (*response).into(),
        };
        // Any other method is not a delivery: a browser that opens the URL, for example.
        if request.method() != Method::POST {
            return outcome;
        }
        let duration = delivery.finish();
        if let Some(tracer) = self.tracer() {
            delivery.end_span(tracer, outcome.response.status());
        }
        let (mut outcome, response_body) = outcome.with_response_body();
        let observation = Observation {
            delivery: &delivery,
            body: body.as_deref(),
            outcome: &outcome,
            response_body: response_body.as_deref(),
            duration,
        };
        self.log.observe(&observation);
        for observer in self.hooks.get().into_iter().flat_map(|hooks| &hooks.observers) {
            observer.observe(&observation);
        }
        outcome.number = number;
        outcome
    }

    fn tracer(&self) -> Option<&dyn Tracer> {
        self.hooks.get()?.tracer.as_deref()
    }

    /// Checks a request and reads its body.
    async fn read(
        &self,
        sender: Sender,
        guarded: &GuardedRoute,
        delivery: &mut DeliveryRequest<'_>,
        payload: Payload,
    ) -> Result<Bytes, Unread> {
        let request = delivery.request;
        require_post(request)?;
        if sender == Sender::Unknown {
            authorize(request, guarded.secrets.as_ref(), &self.addresses)?;
            let interceptors: &[_] = self.hooks.get().map_or(&[], |hooks| &hooks.interceptors);
            intercept(interceptors, request, guarded.secrets.is_some())?;
        }
        delivery.span = self.tracer().map(|tracer| delivery.start_span(tracer, true));
        // Without a secret, anyone can call the endpoint, so the sender stays unknown.
        delivery.by_viewer = sender == Sender::Viewer;
        delivery.trusted = delivery.by_viewer || guarded.secrets.is_some();
        check_body_headers(request, self.limits.body)?;
        if delivery.connection().is_some_and(|connection| connection.was_delayed()) {
            return Err(Rejection::blocked().into());
        }
        let (received, time) = (delivery.received, self.limits.request_timeout);
        let reading = body::read(payload, self.limits.body, time);
        let was_blocked = || was_blocked_since(received, time);
        let rejected = |error: body::ReadError| error.rejection(self.limits.body, was_blocked);
        let body = reading.await.map_err(rejected)?;
        // Done here so that every argument, the log, the page and the store see the same body.
        Ok(replace_unpaired_surrogates(&body).map_or(body, Bytes::from))
    }

    /// Calls the function, or stores the delivery for it.
    async fn call(
        &self,
        sender: Sender,
        guarded: &GuardedRoute,
        delivery: &DeliveryRequest<'_>,
        body: Bytes,
    ) -> Outcome {
        let (route, checks) = (&guarded.route, guarded.checks.as_ref());
        let payload = match admit(guarded, &body).await {
            Ok(payload) => payload,
            Err(outcome) => {
                let is_skipped = outcome.skip_reason().is_some();
                guarded.skipped.fetch_add(is_skipped.into(), Ordering::Relaxed);
                return *outcome;
            }
        };
        let call = Call::new(delivery.request.clone(), body, payload, delivery.received);
        let span = tracing::info_span!(
            target: DELIVERY,
            "delivery",
            endpoint = route.path,
            webhook_id = delivery.short_webhook_id()
        );
        match &route.work {
            Work::Inline(caller) => {
                let _running = RunningGuard::new(&guarded.running);
                let response = respond(caller, call, span);
                watch_for_blocking(delivery.endpoint, delivery.last_read(), response).await
            }
            Work::Background(background) => match self.store.get() {
                Some(store) => {
                    // A viewer who sends a delivery again wants it to run again.
                    let force = sender == Sender::Viewer;
                    let request = AcceptRequest { route, background, call, checks, force };
                    store.accept(request).instrument(span).await
                }
                None => run_inline(background, call, Arc::clone(&self.shared), checks, span).await,
            },
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.routes.keys()).finish()
    }
}
