//! A request's way to its function and back:
//! route → method → secret → kind and size of the body → body → arguments → function → answer.
//!
//! What is refused is refused as early as possible and told in fixed words, so that no answer
//! repeats its request.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use actix_web::dev::{Payload, RequestHead};
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};
use foldhash::fast::RandomState;
#[cfg(feature = "background")]
use tracing::Instrument;

use super::answer::{Refusal, answer, not_found};
use super::body::{self, Unread};
use super::cross_site::is_cross_site;
#[cfg(feature = "background")]
use super::inline::run_inline;
#[cfg(feature = "background")]
use super::keep::keep;
use super::outcome::Outcome;
use super::record::Record;
use super::rejections::RejectionCounts;
use super::watchdog::{was_blocked_since, watched};
#[cfg(feature = "page")]
use crate::activity::Activity;
use crate::addresses::Addresses;
use crate::config::Limits;
use crate::endpoint::Work;
#[cfg(feature = "background")]
use crate::endpoint::background::Shared;
use crate::endpoint::call::{Call, DELIVERY};
use crate::endpoint::registry::Registered;
#[cfg(feature = "background")]
use crate::jobs::Jobs;
use crate::payload::replace_unpaired_surrogates;
use crate::secret::Secrets;

/// The header that carries the secret.
pub(crate) const SECRET: HeaderName = HeaderName::from_static("x-webhook-secret");

/// An endpoint with what guards it.
pub(crate) struct Guarded {
    pub(crate) endpoint: Registered,
    pub(crate) secrets: Option<Secrets>,
    /// How many requests its function is answering.
    pub(super) running: AtomicUsize,
}

/// Counts a function that runs, until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a request must show that it may call the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// As everything that comes from outside.
    Asked,
    /// It is a delivery that was let in before.
    #[cfg(feature = "page")]
    Granted,
}

/// All endpoints by path, and the limits that hold for each.
pub(crate) struct Dispatcher {
    /// With a hash made for speed: nobody outside can add a path.
    endpoints: HashMap<Arc<str>, Guarded, RandomState>,
    limits: Limits,
    secret_in_query: bool,
    rejections: Arc<RejectionCounts>,
    /// Where people find the server; unset until it listens.
    addresses: OnceLock<Addresses>,
    /// What background functions take besides the delivery.
    #[cfg(feature = "background")]
    shared: Arc<Shared>,
    /// Where deliveries are kept that are run in the background; unset in a test, which runs them at once.
    #[cfg(feature = "background")]
    jobs: OnceLock<Jobs>,
    /// Where what became of a delivery is kept for people to look at, if anywhere.
    #[cfg(feature = "page")]
    activity: Option<Activity>,
}

impl Dispatcher {
    pub(crate) fn new(endpoints: Vec<Guarded>, limits: Limits, secret_in_query: bool) -> Self {
        let by_path = |guarded: Guarded| (guarded.endpoint.path.as_str().into(), guarded);
        Self {
            endpoints: endpoints.into_iter().map(by_path).collect(),
            limits,
            secret_in_query,
            rejections: Arc::default(),
            addresses: OnceLock::new(),
            #[cfg(feature = "background")]
            shared: Arc::default(),
            #[cfg(feature = "background")]
            jobs: OnceLock::new(),
            #[cfg(feature = "page")]
            activity: None,
        }
    }

    /// Gives these values to background functions from now on.
    #[cfg(feature = "background")]
    pub(crate) fn sharing(mut self, shared: Arc<Shared>) -> Self {
        self.shared = shared;
        self
    }

    /// Keeps background deliveries there from now on.
    #[cfg(feature = "background")]
    pub(crate) fn keep_in(&self, jobs: Jobs) {
        // A server is started once.
        let _ = self.jobs.set(jobs);
    }

    /// Sets where people find the server.
    pub(crate) fn listens_at(&self, addresses: Addresses) {
        // A server is started once.
        let _ = self.addresses.set(addresses);
    }

    /// Keeps the last deliveries there from now on.
    #[cfg(feature = "page")]
    pub(crate) fn recording(mut self, activity: Option<Activity>) -> Self {
        self.activity = activity;
        self
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The endpoint at a path, with or without a slash at its end.
    fn find(&self, path: &str) -> Option<(&Arc<str>, &Guarded)> {
        self.endpoints.get_key_value(path.strip_suffix('/').unwrap_or(path))
    }

    /// A secret that the endpoint at this path accepts, if it has one.
    pub(crate) fn secret_of(&self, path: &str) -> Option<&[u8]> {
        self.find(path)?.1.secrets.as_ref()?.first()
    }

    /// Logs how many rejections had no line so far.
    pub(super) fn report_rejections(&self) {
        self.rejections.report();
    }

    /// Logs which functions still run, when the server waits for them no longer.
    pub(super) fn report_running(&self) {
        let running = self.endpoints.iter().filter_map(|(path, guarded)| {
            let count = guarded.running.load(Ordering::Relaxed);
            (count > 0).then(|| (count, format!("{path} ({count})")))
        });
        let (counts, mut endpoints): (Vec<_>, Vec<_>) = running.unzip();
        endpoints.sort_unstable();
        let (count, endpoints) = (counts.iter().sum::<usize>(), endpoints.join(", "));
        if count > 0 {
            tracing::warn!(
                target: DELIVERY,
                count,
                endpoints,
                "functions still run at the shutdown limit, and the server ends without them"
            );
        }
    }

    /// Responds to a request to a path below `/webhooks`.
    pub(crate) async fn dispatch(&self, request: &HttpRequest, payload: Payload) -> Outcome {
        let mut outcome = self.dispatch_as(request, payload, Admission::Asked).await;
        confine(outcome.response.headers_mut());
        outcome
    }

    pub(super) async fn dispatch_as(
        &self,
        request: &HttpRequest,
        payload: Payload,
        admission: Admission,
    ) -> Outcome {
        let Some((path, guarded)) = self.find(request.path()) else {
            return not_found().into();
        };
        let record = Record::new(path, request);
        let admitted = self.admit(guarded, request, admission);
        // Without a secret, everyone is a stranger.
        let is_stranger =
            admission == Admission::Asked && (guarded.secrets.is_none() || admitted.is_err());
        let read = match admitted.and_then(|()| self.check(request)) {
            Ok(()) if record.has_waited() => Err(Refusal::blocked()),
            Ok(()) => self.read(payload, record.started).await,
            Err(refusal) => Err(refusal),
        };
        let (body, outcome) = match read {
            Ok(body) => {
                let call =
                    Call { request: request.clone(), body: body.clone(), received: record.started };
                (Some(body), self.answer(guarded, call, &record, admission).await)
            }
            Err(refusal) => (None, refusal.outcome()),
        };
        // Whatever is no POST, a person's browser for instance, is no delivery.
        if request.method() != Method::POST {
            return outcome;
        }
        let body = body.as_deref();
        let (duration, status) = (record.finish(), outcome.response.status());
        if !is_stranger || !status.is_client_error() || self.rejections.count(status) {
            record.log(body.unwrap_or_default(), &outcome, duration);
        }
        #[cfg(feature = "page")]
        if let Some(activity) = &self.activity {
            return record.keep(activity, request.query_string(), body, outcome, duration);
        }
        outcome
    }

    /// Decides whether a request may call the endpoint.
    fn admit(
        &self,
        guarded: &Guarded,
        request: &HttpRequest,
        admission: Admission,
    ) -> Result<(), Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "A webhook endpoint takes POST requests only.",
            ));
        }
        match (&guarded.secrets, admission) {
            (Some(secrets), Admission::Asked) => {
                judge(secrets, request.headers().get_all(SECRET))?;
            }
            // A secret keeps the pages of other sites out, too.
            (None, Admission::Asked) if is_cross_site(request, self.addresses.get()) => {
                let text = "Pages of other sites may not call this endpoint, since no webhook secret is set.";
                return Err(Refusal::new(StatusCode::FORBIDDEN, text));
            }
            _ => {}
        }
        Ok(())
    }

    /// Decides by its head whether the body of a request is read.
    fn check(&self, request: &HttpRequest) -> Result<(), Refusal> {
        check_kind(request)?;
        // Before the body is waited for. The reading checks again, as this header may lie.
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if announced
            .is_some_and(|length| length.parse().is_ok_and(|bytes: usize| bytes > self.limits.body))
        {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// Makes the secret in a request's query, where that is allowed, one in its header, which decides when it
    /// is there: a function that prints its request doesn't print the secret.
    pub(crate) fn take_secret_from_query(&self, head: &mut RequestHead) {
        let Some(query) = head.uri.query().filter(|_| self.secret_in_query) else {
            return;
        };
        let secret = |pair: &str| {
            let pairs: Vec<(String, String)> = serde_urlencoded::from_str(pair).ok()?;
            pairs.into_iter().find(|(name, _)| name == "secret").map(|(_, secret)| secret)
        };
        let secrets: Vec<String> = query.split('&').filter_map(secret).collect();
        if secrets.is_empty() {
            return;
        }
        let rest: Vec<_> = query.split('&').filter(|pair| secret(pair).is_none()).collect();
        let path = head.uri.path();
        let path = match rest.join("&") {
            rest if rest.is_empty() => path.to_owned(),
            rest => format!("{path}?{rest}"),
        };
        let mut parts = head.uri.clone().into_parts();
        // Parts of a path and a query are one.
        let Ok(path) = path.parse() else { return };
        parts.path_and_query = Some(path);
        let Ok(uri) = Uri::from_parts(parts) else { return };
        head.uri = uri;
        if head.headers.contains_key(SECRET) {
            return;
        }
        for secret in secrets {
            // What no header can carry is no endpoint's secret, and neither is an empty one.
            let value = HeaderValue::from_str(&secret);
            let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
            value.set_sensitive(true);
            head.headers.append(SECRET, value);
        }
    }

    async fn read(&self, payload: Payload, started: Instant) -> Result<Bytes, Refusal> {
        let time = self.limits.request_timeout;
        let reading = body::read(payload, self.limits.body, time);
        let body = reading.await.map_err(|unread| match unread {
            Unread::TooLarge => self.too_large(),
            Unread::Broken => {
                Refusal::new(StatusCode::BAD_REQUEST, "The body could not be read to its end.")
            }
            // Not the client's fault: nobody read what it sent.
            Unread::Late if was_blocked_since(started, time) => Refusal::blocked(),
            Unread::Late => {
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.")
            }
        })?;
        // Here, so that all arguments, the log, the page and the store agree on what the body says.
        Ok(replace_unpaired_surrogates(&body).map_or(body, Bytes::from))
    }

    /// Does with a delivery what is done at its endpoint.
    #[cfg_attr(not(feature = "background"), expect(unused_variables, reason = "for the store"))]
    async fn answer(
        &self,
        guarded: &Guarded,
        call: Call,
        record: &Record<'_>,
        admission: Admission,
    ) -> Outcome {
        let endpoint = &guarded.endpoint;
        let span = tracing::info_span!(
            target: DELIVERY,
            "delivery",
            endpoint = endpoint.path,
            webhook_id = record.webhook_id()
        );
        match &endpoint.work {
            Work::Answer(caller) => {
                let _running = Counted::new(&guarded.running);
                watched(record.endpoint(), answer(caller, call, span)).await
            }
            #[cfg(feature = "background")]
            Work::Background(background) => match self.jobs.get() {
                // Who sends one again by hand means it.
                Some(jobs) => {
                    let insists = admission != Admission::Asked;
                    keep(jobs, endpoint, background, call, insists).instrument(span).await
                }
                None => run_inline(background, call, Arc::clone(&self.shared), span).await,
            },
        }
    }

    fn too_large(&self) -> Refusal {
        let text =
            format!("The body is larger than this server's limit of {} bytes.", self.limits.body);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.endpoints.keys()).finish()
    }
}

/// Keeps what a function returns from acting on the page's origin: a browser takes it for nothing but its
/// content type, and gives a document an origin of its own, without scripts.
fn confine(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Beside a policy of the function's: browsers apply all of them.
    headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
}

/// Whether just one secret is given, and a right one.
fn judge<T: AsRef<[u8]>>(
    secrets: &Secrets,
    mut given: impl Iterator<Item = T>,
) -> Result<(), Refusal> {
    let (status, text) = match (given.next(), given.next()) {
        (Some(secret), None) if secrets.accept(secret.as_ref()) => return Ok(()),
        (None, _) => (StatusCode::UNAUTHORIZED, "x-webhook-secret header not set."),
        (Some(_), None) => (StatusCode::FORBIDDEN, "Invalid webhook secret."),
        (Some(_), Some(_)) => {
            (StatusCode::BAD_REQUEST, "The webhook secret is given more than once.")
        }
    };
    Err(Refusal::new(status, text))
}

/// The Hub sends JSON, and others may forget to say that they do; what says that it is a form or is
/// compressed is no JSON.
fn check_kind(request: &HttpRequest) -> Result<(), Refusal> {
    let kind = request.content_type();
    let begins =
        |text: &str| kind.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text));
    if begins("multipart/") || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let text = "A webhook endpoint takes JSON, not a form. Send it with Content-Type: application/json.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let is_plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(CONTENT_ENCODING).any(|coding| !is_plain(coding.as_bytes())) {
        let text = "A webhook endpoint takes JSON that isn't compressed.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(())
}
