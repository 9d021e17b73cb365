//! Answers the command `doctor`, which asks whether an endpoint can be reached with a secret, and calls no function.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::filter::SkippedBody;
use super::intercept::Interceptor;
use super::part::Part;

/// The header of a probe: a UUID that is used once. The response repeats it, so that it can be no other server's.
pub(crate) const PROBE: HeaderName = HeaderName::from_static("x-webhooks-doctor");

/// The header of the response that has the version of the server's program, for a sender who knows the secret.
pub(crate) const PROGRAM_VERSION: HeaderName = HeaderName::from_static("x-webhooks-version");

/// The reason in the body of the response.
pub(crate) const SKIP_REASON: &str = "doctor";

/// Returns the version of a program for the response, such as `1.2.0 (webhooks-runtime 0.1.0)`.
pub(crate) fn program_version(program: Option<&str>) -> String {
    const CRATE: &str = concat!("webhooks-runtime ", env!("CARGO_PKG_VERSION"));
    program.map_or_else(|| CRATE.to_owned(), |version| format!("{version} ({CRATE})"))
}

/// Answers probes.
#[derive(Clone)]
pub(crate) struct ProbePart {
    version: Arc<str>,
}

impl ProbePart {
    pub(crate) fn new(version: Option<&'static str>) -> Self {
        Self { version: program_version(version).into() }
    }
}

impl Part for ProbePart {
    fn interceptor(&self) -> Option<Arc<dyn Interceptor>> {
        Some(Arc::new(self.clone()))
    }
}

impl Interceptor for ProbePart {
    fn intercept(&self, request: &HttpRequest, has_secret: bool) -> Option<HttpResponse> {
        let nonce: Uuid = request.headers().get(PROBE)?.to_str().ok()?.parse().ok()?;
        tracing::debug!(
            endpoint = request.path(),
            "the command `doctor` has asked for this endpoint"
        );
        let mut response = HttpResponse::Ok();
        response.insert_header((PROBE, nonce.to_string()));
        // Anyone can ask an endpoint without a secret, and nobody is to know which faults a server has.
        if has_secret {
            response.insert_header((PROGRAM_VERSION, &*self.version));
        }
        Some(response.json(SkippedBody { skipped: SKIP_REASON }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::{TestClient, TestResponse, dataset_commit};
    use crate::{WebhookPayload, WebhooksServer};

    const NONCE: &str = "018f2f6e-8f0c-7c3a-9a55-0242ac120002";

    static RUNS: AtomicUsize = AtomicUsize::new(0);

    fn client() -> TestClient {
        let run = async |_: WebhookPayload| {
            RUNS.fetch_add(1, Ordering::Relaxed);
        };
        let server = WebhooksServer::empty().add_webhook("/x", run).of_version("1.2.0");
        TestClient::new(server.webhook_secret("hush")).unwrap()
    }

    fn header(response: &TestResponse, name: &str) -> Option<String> {
        response.header(name).map(str::to_owned)
    }

    #[test]
    fn a_probe_with_the_secret_is_answered_and_runs_no_function() {
        let client = client();
        let send = |nonce: &str, secret: &str| {
            let request = client.post("/webhooks/x", dataset_commit()).secret(secret);
            request.header(PROBE.as_str(), nonce).send()
        };
        let answer = send(NONCE, "hush");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text(), r#"{"skipped":"doctor"}"#);
        assert_eq!(header(&answer, PROBE.as_str()).as_deref(), Some(NONCE));
        let version = header(&answer, PROGRAM_VERSION.as_str()).unwrap();
        assert!(version.starts_with("1.2.0 (webhooks-runtime "), "{version}");
        let rejected = send(NONCE, "other");
        assert_eq!(rejected.status(), 403);
        assert_eq!(header(&rejected, PROGRAM_VERSION.as_str()), None);
        assert_eq!(RUNS.load(Ordering::Relaxed), 0);
        // Anything else is a delivery.
        assert_eq!(send("once", "hush").status(), 200);
        assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_endpoint_without_a_secret_does_not_show_its_version() {
        let server = WebhooksServer::empty().add_webhook("/x", async || ()).of_version("1.2.0");
        let client = TestClient::new(server).unwrap();
        let request = client.post("/webhooks/x", dataset_commit());
        let answer = request.header(PROBE.as_str(), NONCE).send();
        assert_eq!(answer.text(), r#"{"skipped":"doctor"}"#);
        assert_eq!(header(&answer, PROBE.as_str()).as_deref(), Some(NONCE));
        assert_eq!(header(&answer, PROGRAM_VERSION.as_str()), None);
    }

    #[test]
    fn a_version_without_a_program_is_that_of_the_crate() {
        let version = program_version(None);
        assert_eq!(version, concat!("webhooks-runtime ", env!("CARGO_PKG_VERSION")));
    }
}
