//! What a function may look like, tried over a real socket: forms, arguments, answers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on")]
#![allow(clippy::needless_pass_by_value, reason = "an argument of an endpoint is a value")]

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::client::{Answer, connect, head, post, read_answer, request};
use tests::payloads::dataset_commit;
use webhooks_runtime::actix_web::http::StatusCode;
use webhooks_runtime::actix_web::{self, FromRequest, Responder, dev, error};
use webhooks_runtime::testing::TestClient;
use webhooks_runtime::{
    Delivery, EndpointFn, HttpRequest, HttpResponse, WebhookPayload, WebhooksServer, web,
    webhook_endpoint,
};

/// Posts `body` to a server and stops it.
async fn post_to(server: WebhooksServer, path: &str, body: &str) -> Answer {
    let server = server.port(0).start().await.unwrap();
    let answer = post(server.local_url(), path, body).unwrap();
    server.stop().await;
    answer
}

async fn answer_of(endpoint: webhooks_runtime::Endpoint) -> Answer {
    let body = dataset_commit().to_string();
    post_to(WebhooksServer::empty().endpoint(endpoint), endpoint.path(), &body).await
}

async fn answer_of_fn<Args, Kind>(function: impl EndpointFn<Args, Kind>) -> Answer {
    let server = WebhooksServer::empty().add_webhook("f", function);
    post_to(server, "/webhooks/f", &dataset_commit().to_string()).await
}

// ---- answers

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the hidden cause")
    }
}

impl std::error::Error for Failed {}

/// A `Responder` of one's own.
struct Teapot;

impl Responder for Teapot {
    type Body = &'static str;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<&'static str> {
        HttpResponse::with_body(StatusCode::IM_A_TEAPOT, "short and stout")
    }
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

mod answers {
    use super::*;

    #[webhook_endpoint]
    async fn nothing() {}

    #[webhook_endpoint]
    async fn json_value() -> Value {
        json!({ "message": "hello" })
    }

    #[webhook_endpoint]
    async fn json_shape() -> web::Json<Message> {
        web::Json(Message { message: "hello" })
    }

    #[webhook_endpoint]
    async fn responder() -> Teapot {
        Teapot
    }

    #[webhook_endpoint]
    async fn opaque() -> impl Responder {
        ("made", StatusCode::CREATED)
    }

    #[webhook_endpoint]
    async fn option() -> Option<String> {
        None
    }

    #[webhook_endpoint]
    async fn fine_any() -> anyhow::Result<Value> {
        Ok(json!([1]))
    }

    #[webhook_endpoint]
    async fn fails_any() -> anyhow::Result<()> {
        Err(anyhow::Error::new(Failed).context("the outer words"))
    }

    #[webhook_endpoint]
    async fn fails_own() -> Result<Value, Failed> {
        Err(Failed)
    }

    #[webhook_endpoint]
    async fn fails_boxed() -> Result<Teapot, Box<dyn std::error::Error>> {
        Err("the hidden cause".into())
    }

    #[webhook_endpoint]
    fn fails_boxed_sendable() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("the hidden cause".into())
    }

    #[webhook_endpoint]
    async fn fails_io() -> Result<(), std::io::Error> {
        // actix-web would make a 404 of this one, with its text.
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the hidden cause"))
    }

    #[webhook_endpoint]
    async fn fails_actix_conflict() -> actix_web::Result<web::Json<u8>> {
        Err(error::ErrorConflict("a run is under way"))
    }

    #[webhook_endpoint]
    async fn fails_actix_unavailable() -> actix_web::Result<()> {
        Err(error::ErrorServiceUnavailable("the hidden cause"))
    }

    #[webhook_endpoint]
    async fn fails_in_a_responder() -> impl Responder {
        Err::<&'static str, _>(error::ErrorBadGateway("the hidden cause"))
    }

    #[webhook_endpoint]
    async fn fails_to_serialize() -> web::Json<HashMap<(u8, u8), u8>> {
        web::Json(HashMap::from([((1, 2), 3)]))
    }

    #[webhook_endpoint]
    async fn panics() -> Value {
        let payloads: Vec<Value> = Vec::new();
        payloads[7].clone()
    }

    #[webhook_endpoint]
    fn panics_blocking() {
        panic!("the hidden cause");
    }

    #[tokio::test]
    async fn nothing_is_null() {
        let answer = answer_of(nothing::endpoint()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }

    #[tokio::test]
    async fn json_is_json() {
        for endpoint in [json_value::endpoint(), json_shape::endpoint()] {
            let answer = answer_of(endpoint).await;
            assert_eq!((answer.status, answer.json()), (200, json!({ "message": "hello" })));
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }

    #[tokio::test]
    async fn a_responder_responds_as_it_does() {
        let answer = answer_of(responder::endpoint()).await;
        assert_eq!((answer.status, answer.body.as_str()), (418, "short and stout"));
        let answer = answer_of(opaque::endpoint()).await;
        assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
        assert_eq!(answer_of(option::endpoint()).await.status, 404);
    }

    #[tokio::test]
    async fn a_result_that_is_fine_is_its_value() {
        let answer = answer_of(fine_any::endpoint()).await;
        assert_eq!((answer.status, answer.json()), (200, json!([1])));
    }

    #[tokio::test]
    async fn an_error_is_a_500_that_does_not_tell_the_cause() {
        for endpoint in [
            fails_any::endpoint(),
            fails_own::endpoint(),
            fails_boxed::endpoint(),
            fails_boxed_sendable::endpoint(),
            fails_io::endpoint(),
            fails_to_serialize::endpoint(),
        ] {
            let answer = answer_of(endpoint).await;
            assert_eq!(answer.status, 500, "{endpoint:?}");
            assert!(answer.json()["error"].is_string(), "{answer:?}");
            for secret in ["hidden cause", "outer words", "key must be"] {
                assert!(!answer.body.contains(secret), "{answer:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_error_of_actix_keeps_its_status() {
        let answer = answer_of(fails_actix_conflict::endpoint()).await;
        assert_eq!((answer.status, answer.body.as_str()), (409, "a run is under way"));
        for (endpoint, status) in
            [(fails_actix_unavailable::endpoint(), 503), (fails_in_a_responder::endpoint(), 502)]
        {
            let answer = answer_of(endpoint).await;
            assert_eq!(answer.status, status);
            assert!(answer.json()["error"].is_string(), "{answer:?}");
            assert!(!answer.body.contains("hidden cause"), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_the_server_lives_on() {
        let server = WebhooksServer::empty()
            .endpoint(panics::endpoint())
            .endpoint(panics_blocking::endpoint())
            .endpoint(nothing::endpoint());
        let server = server.port(0).workers(1).start().await.unwrap();
        for path in [panics::PATH, panics_blocking::PATH] {
            for _ in 0..3 {
                let answer = post(server.local_url(), path, "{}").unwrap();
                assert_eq!(answer.status, 500);
                assert!(answer.json()["error"].is_string());
                assert!(!answer.body.contains("hidden cause"));
            }
        }
        assert_eq!(post(server.local_url(), nothing::PATH, "{}").unwrap().status, 200);
        server.stop().await;
    }
}

// ---- arguments

#[derive(Deserialize)]
struct Query {
    n: u8,
}

#[derive(Deserialize)]
struct Sized {
    repo: SizedRepo,
}

#[derive(Deserialize)]
struct SizedRepo {
    name: String,
}

/// An extractor of one's own.
struct Agent(String);

impl FromRequest for Agent {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok());
        ready(match agent {
            Some(agent) => Ok(Self(agent.to_owned())),
            None => Err(error::ErrorUnauthorized("name yourself")),
        })
    }
}

mod arguments {
    use super::*;

    #[webhook_endpoint]
    async fn payload(payload: WebhookPayload) -> String {
        payload.repo.name
    }

    #[webhook_endpoint]
    async fn shape(web::Json(body): web::Json<Sized>) -> String {
        body.repo.name
    }

    #[webhook_endpoint]
    async fn raw(bytes: web::Bytes) -> String {
        bytes.len().to_string()
    }

    #[webhook_endpoint]
    async fn text(text: String) -> String {
        text.len().to_string()
    }

    #[webhook_endpoint]
    async fn several(
        payload: WebhookPayload,
        raw: web::Json<Value>,
        bytes: web::Bytes,
        shape: Option<web::Json<Sized>>,
        text: String,
    ) -> Value {
        let same = bytes == text.as_bytes() && shape.unwrap().repo.name == payload.repo.name;
        let xet_enabled = payload.updated_config.unwrap().xet_enabled;
        json!([payload.repo.name, xet_enabled, raw["repo"]["resourceGroup"]["id"], same])
    }

    #[webhook_endpoint]
    fn several_blocking(raw: web::Json<Value>, payload: WebhookPayload) -> Value {
        json!([payload.repo.name, raw["repo"]["resourceGroup"]["id"]])
    }

    #[webhook_endpoint]
    async fn query(query: web::Query<Query>) -> String {
        query.n.to_string()
    }

    #[webhook_endpoint]
    async fn own(agent: Agent) -> String {
        agent.0
    }

    #[webhook_endpoint]
    async fn delivery(delivery: Delivery) -> Value {
        let at = delivery.received_at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        json!({ "id": delivery.id, "attempt": delivery.attempt, "at": at.as_nanos() as u64 })
    }

    #[webhook_endpoint]
    fn blocking(payload: WebhookPayload, counter: web::Data<AtomicU64>) -> Value {
        std::thread::sleep(Duration::from_millis(1));
        json!([payload.repo.name, counter.fetch_add(1, Ordering::Relaxed)])
    }

    #[webhook_endpoint]
    async fn twelve(
        _a: HttpRequest,
        _b: Delivery,
        _c: HttpRequest,
        _d: web::Data<AtomicU64>,
        _e: dev::ConnectionInfo,
        _f: dev::PeerAddr,
        _g: Option<Agent>,
        _h: actix_web::http::Method,
        _i: actix_web::http::Uri,
        _j: HttpRequest,
        _k: Delivery,
        payload: WebhookPayload,
    ) -> String {
        payload.repo.name
    }

    #[tokio::test]
    async fn several_arguments_may_read_the_body() {
        let mut body = dataset_commit();
        body["repo"]["resourceGroup"] = json!({ "id": "1" });
        body["updatedConfig"] = json!({ "xetEnabled": true });
        let body = body.to_string();
        let post = async |endpoint: webhooks_runtime::Endpoint| {
            let server = WebhooksServer::empty().endpoint(endpoint);
            post_to(server, endpoint.path(), &body).await.json()
        };
        assert_eq!(post(several::endpoint()).await, json!(["openai/gsm8k", true, "1", true]));
        assert_eq!(post(several_blocking::endpoint()).await, json!(["openai/gsm8k", "1"]));
        let server = WebhooksServer::empty().add_webhook(
            "both",
            async |payload: WebhookPayload, raw: web::Json<Value>| {
                json!([payload.repo.name, raw["repo"]["resourceGroup"]["id"]])
            },
        );
        let answer = post_to(server, "/webhooks/both", &body).await.json();
        assert_eq!(answer, json!(["openai/gsm8k", "1"]));
    }

    #[tokio::test]
    async fn a_body_comes_as_a_payload_a_shape_bytes_or_text() {
        let length = dataset_commit().to_string().len().to_string();
        for (endpoint, body) in [
            (payload::endpoint(), "openai/gsm8k"),
            (shape::endpoint(), "openai/gsm8k"),
            (raw::endpoint(), &length),
            (text::endpoint(), &length),
        ] {
            let answer = answer_of(endpoint).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, body));
        }
    }

    #[tokio::test]
    async fn an_extractor_of_ones_own_refuses_in_its_own_words() {
        let server =
            WebhooksServer::empty().endpoint(own::endpoint()).port(0).start().await.unwrap();
        let url = server.local_url();
        let first = "POST /webhooks/own";
        let answer = request(url, first, &["User-Agent: me"], "").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "me"));
        let answer = request(url, first, &[], "").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (401, "name yourself"));
        server.stop().await;
    }

    #[tokio::test]
    async fn a_query_that_does_not_fit_is_not_repeated() {
        let server =
            WebhooksServer::empty().endpoint(query::endpoint()).port(0).start().await.unwrap();
        let url = server.local_url();
        assert_eq!(request(url, "POST /webhooks/query?n=7", &[], "").unwrap().body, "7");
        let answer = request(url, "POST /webhooks/query?n=s3cret", &[], "").unwrap();
        assert_eq!(answer.status, 400);
        assert!(
            answer.json()["error"].is_string() && !answer.body.contains("s3cret"),
            "{answer:?}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn a_delivery_is_known_by_its_header_or_gets_an_id() {
        let server =
            WebhooksServer::empty().endpoint(delivery::endpoint()).port(0).start().await.unwrap();
        let url = server.local_url();
        let first = "POST /webhooks/delivery";
        let answer = request(url, first, &["Webhook-Id: 7f3a"], "{}").unwrap();
        assert_eq!(answer.json()["id"], "7f3a");
        assert_eq!(answer.json()["attempt"], 1);
        let made = |answer: Answer| answer.json()["id"].as_str().unwrap().to_owned();
        let one = made(request(url, first, &[], "{}").unwrap());
        let other = made(request(url, first, &[], "{}").unwrap());
        assert!(!one.is_empty() && one != other);
        server.stop().await;
    }

    #[tokio::test]
    async fn a_delivery_is_received_when_its_head_has_come() {
        let server =
            WebhooksServer::empty().endpoint(delivery::endpoint()).port(0).start().await.unwrap();
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mut stream = connect(server.local_url()).unwrap();
        let before = now();
        let headers = ["Content-Length: 2", "Expect: 100-continue"];
        stream.write_all(head("POST /webhooks/delivery", &headers).as_bytes()).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().status, 100);
        let head_had_come = now();
        stream.write_all(b"{}").unwrap();
        let at = read_answer(&mut stream).unwrap().json()["at"].as_u64().unwrap();
        let at = Duration::from_nanos(at);
        assert!(before <= at && at <= head_had_come, "{before:?} {at:?} {head_had_come:?}");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_fn_runs_on_another_thread_with_shared_data() {
        let server =
            WebhooksServer::empty().endpoint(blocking::endpoint()).data(AtomicU64::new(40));
        let server = server.port(0).start().await.unwrap();
        let body = dataset_commit().to_string();
        for count in 40..43 {
            let answer = post(server.local_url(), blocking::PATH, &body).unwrap();
            assert_eq!(answer.json(), json!(["openai/gsm8k", count]));
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn twelve_arguments_are_taken() {
        let server = WebhooksServer::empty().endpoint(twelve::endpoint()).data(AtomicU64::new(0));
        let answer = post_to(server, twelve::PATH, &dataset_commit().to_string()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "openai/gsm8k"));
    }

    #[tokio::test]
    async fn a_request_that_is_printed_hides_the_secret() {
        let server = WebhooksServer::empty()
            .add_webhook("print", async |request: HttpRequest| format!("{request:?}"))
            .webhook_secret("hush-hush");
        let server = server.port(0).start().await.unwrap();
        let secret = ["X-Webhook-Secret: hush-hush"];
        let answer = request(server.local_url(), "POST /webhooks/print", &secret, "").unwrap();
        assert!(answer.body.contains("x-webhook-secret"), "{answer:?}");
        assert!(!answer.body.contains("hush-hush"), "{answer:?}");
        server.stop().await;
    }

    #[tokio::test]
    async fn the_function_stays_callable() {
        let payload_of_a_test: WebhookPayload = serde_json::from_value(dataset_commit()).unwrap();
        assert_eq!(payload(payload_of_a_test).await, "openai/gsm8k");
        assert_eq!(delivery(Delivery::new("id")).await["id"], "id");
    }
}

// ---- add_webhook

#[tokio::test]
async fn add_webhook_takes_every_kind_of_function() {
    async fn named(payload: WebhookPayload) -> Value {
        json!(payload.repo.name)
    }
    fn blocking(payload: WebhookPayload) -> Value {
        json!(payload.repo.name)
    }
    async fn shape(body: web::Json<Sized>) -> web::Json<String> {
        web::Json(body.into_inner().repo.name)
    }
    async fn any(payload: WebhookPayload, _: HttpRequest) -> anyhow::Result<Value> {
        Ok(json!(payload.repo.name))
    }
    async fn actix(payload: WebhookPayload, _: Delivery) -> actix_web::Result<HttpResponse> {
        Ok(HttpResponse::Ok().json(payload.repo.name))
    }
    fn io(payload: WebhookPayload) -> std::io::Result<Value> {
        Ok(json!(payload.repo.name))
    }
    let greeting = String::new();
    let captures = move |payload: WebhookPayload| {
        let name = greeting.clone() + &payload.repo.name;
        async move { json!(name) }
    };
    for answer in [
        answer_of_fn(named).await,
        answer_of_fn(blocking).await,
        answer_of_fn(shape).await,
        answer_of_fn(any).await,
        answer_of_fn(actix).await,
        answer_of_fn(io).await,
        answer_of_fn(captures).await,
        answer_of_fn(async |payload: WebhookPayload| json!(payload.repo.name)).await,
    ] {
        assert_eq!((answer.status, answer.json()), (200, json!("openai/gsm8k")));
    }
    assert_eq!(answer_of_fn(async || ()).await.body, "null");
    assert_eq!(answer_of_fn(async || Err::<(), _>(error::ErrorGone("gone"))).await.status, 410);
    assert_eq!(answer_of_fn(async || Err::<(), _>(Failed)).await.status, 500);
}

#[tokio::test]
async fn a_shape_given_to_add_webhook_is_told_its_fault_as_well() {
    let server = WebhooksServer::empty().add_webhook("f", async |_: web::Json<Sized>| ());
    let answer = post_to(server, "/webhooks/f", r#"{"repo":{"name":7}}"#).await;
    assert_eq!(answer.status, 422);
    // By its position: actix-web does not reveal the path.
    assert_eq!(answer.json()["detail"][0]["loc"], json!(["body"]));
    let msg = "Line 1, column 17: Expected a string.";
    assert_eq!(answer.json()["detail"][0]["msg"], msg);
}

// ---- in the background

mod background {
    use std::sync::{Arc, Mutex};

    use webhooks_runtime::{MarkPermanent, Permanent};

    use super::*;

    /// The deliveries that functions were called for.
    type Ran = Arc<Mutex<Vec<Delivery>>>;

    #[webhook_endpoint(background(attempts = 3, backoff = "10s..30m"))]
    async fn task(payload: WebhookPayload, delivery: Delivery, ran: web::Data<Ran>) {
        assert_eq!(payload.repo.name, "openai/gsm8k");
        tokio::task::yield_now().await;
        ran.lock().unwrap().push(delivery);
    }

    #[webhook_endpoint(background)]
    fn blocking(payload: WebhookPayload, body: web::Json<Sized>, ran: web::Data<Ran>) {
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(payload.repo.name, body.repo.name);
        ran.lock().unwrap().push(Delivery::new(body.into_inner().repo.name));
    }

    #[webhook_endpoint(background)]
    async fn several(
        payload: WebhookPayload,
        raw: web::Json<Value>,
        shape: web::Json<Sized>,
        ran: web::Data<Ran>,
    ) {
        assert_eq!(raw["repo"]["name"], payload.repo.name);
        ran.lock().unwrap().push(Delivery::new(shape.into_inner().repo.name));
    }

    #[webhook_endpoint(background)]
    async fn without_arguments() {}

    #[webhook_endpoint(background)]
    async fn fails_any() -> anyhow::Result<()> {
        Err(anyhow::Error::new(Failed).context("the outer words"))
    }

    #[webhook_endpoint(background)]
    fn fails_boxed() -> Result<(), Box<dyn std::error::Error>> {
        Err("the hidden cause".into())
    }

    #[webhook_endpoint(background)]
    async fn fails_for_good() -> Result<(), Permanent> {
        Err(Failed.permanent())
    }

    #[webhook_endpoint(background)]
    async fn fails_text() -> Result<(), String> {
        Err("the hidden cause".to_owned())
    }

    #[webhook_endpoint(background)]
    async fn fails_actix() -> actix_web::Result<()> {
        Err(error::ErrorConflict("the hidden cause"))
    }

    #[webhook_endpoint(background)]
    async fn panics() {
        panic!("the hidden cause");
    }

    #[webhook_endpoint(background)]
    fn panics_blocking() {
        panic!("the hidden cause");
    }

    #[webhook_endpoint(background)]
    fn two_missing(_: web::Data<u8>, _: WebhookPayload, _: web::Data<String>) {}

    fn client() -> (TestClient, Ran) {
        let ran = Ran::default();
        let server = WebhooksServer::empty()
            .endpoint(task::endpoint())
            .endpoint(blocking::endpoint())
            .endpoint(several::endpoint())
            .data(Arc::clone(&ran));
        (TestClient::new(server).unwrap(), ran)
    }

    #[test]
    fn a_delivery_is_answered_with_its_id_and_the_function_runs() {
        let (client, ran) = client();
        let before = SystemTime::now();
        let request = client.post(task::PATH, dataset_commit()).header("Webhook-Id", "7f3a");
        let response = request.send();
        assert_eq!(response.status(), 202, "{response:?}");
        assert_eq!(response.cause(), None);
        let answer: Value = response.json().unwrap();
        let [delivery] = &ran.lock().unwrap()[..] else { panic!("it didn't run once") };
        assert_eq!(answer, json!({ "delivery": delivery.id, "state": "queued" }));
        assert_ne!(delivery.id, "7f3a");
        assert_eq!(delivery.webhook_id.as_deref(), Some("7f3a"));
        assert_eq!((delivery.attempt, delivery.max_attempts), (1, 3));
        assert_eq!(delivery.endpoint, task::PATH);
        // As exact as two clocks are that measure it.
        assert!(delivery.received_at + Duration::from_millis(10) >= before);
        assert!(delivery.received_at <= SystemTime::now());
    }

    #[test]
    fn a_fn_runs_as_well_and_several_arguments_may_read_the_body() {
        for path in [blocking::PATH, several::PATH] {
            let (client, ran) = client();
            let response = client.post(path, dataset_commit()).send();
            assert_eq!((response.status().as_u16(), response.cause()), (202, None), "{response:?}");
            assert_eq!(ran.lock().unwrap()[0].id, "openai/gsm8k");
        }
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused_and_not_run() {
        let (client, ran) = client();
        for path in [task::PATH, blocking::PATH] {
            let response = client.post(path, json!({ "event": 1 })).send();
            assert_eq!(response.status(), 422, "{response:?}");
            let answer: Value = response.json().unwrap();
            assert_eq!(answer["detail"][0]["loc"], json!(["body", "event"]));
        }
        assert!(ran.lock().unwrap().is_empty());
    }

    #[test]
    fn a_failure_is_the_cause_and_not_the_answer() {
        for (endpoint, cause) in [
            (without_arguments::endpoint(), None),
            (fails_any::endpoint(), Some("the outer words: the hidden cause")),
            (fails_boxed::endpoint(), Some("the hidden cause")),
            (fails_for_good::endpoint(), Some("the hidden cause")),
            (fails_text::endpoint(), Some("the hidden cause")),
            (fails_actix::endpoint(), Some("the hidden cause")),
            (panics::endpoint(), Some("the hidden cause")),
            (panics_blocking::endpoint(), Some("the hidden cause")),
        ] {
            let client = TestClient::new(WebhooksServer::empty().endpoint(endpoint)).unwrap();
            let response = client.post(endpoint.path(), json!({})).send();
            assert_eq!(response.status(), 202, "{response:?}");
            assert_eq!(response.cause(), cause, "{endpoint:?}");
            assert!(!response.text().contains("hidden cause"), "{response:?}");
        }
    }

    #[test]
    fn a_server_without_the_data_does_not_start() {
        let server = WebhooksServer::empty().endpoint(two_missing::endpoint());
        let error = TestClient::new(server.data(7_u16)).unwrap_err().to_string();
        assert!(error.starts_with("The function of /webhooks/two_missing ("), "{error}");
        let taken = "takes web::Data<u8> and web::Data<alloc::string::String>, but";
        assert!(error.contains(taken), "{error}");
        assert!(error.contains("Add one with .data(…)"), "{error}");
    }
}

mod data {
    use std::sync::Arc;

    use super::*;

    type Alias = web::Data<u8>;

    #[webhook_endpoint]
    async fn by_alias(_: Alias) {}

    #[webhook_endpoint]
    fn blocking_two(_: web::Data<u8>, payload: WebhookPayload, _: web::Data<String>) {
        drop(payload);
    }

    #[webhook_endpoint]
    async fn optional(data: Option<web::Data<u8>>) -> &'static str {
        if data.is_some() { "some" } else { "none" }
    }

    #[webhook_endpoint]
    async fn dynamic(data: web::Data<dyn Fn() -> u8 + Send + Sync>) -> String {
        data().to_string()
    }

    async fn added(_: web::Data<u8>) {}

    fn server() -> WebhooksServer {
        WebhooksServer::empty().endpoint(by_alias::endpoint()).endpoint(blocking_two::endpoint())
    }

    #[test]
    fn a_server_without_it_does_not_start_and_lists_all_of_it() {
        let error =
            TestClient::new(server().data(7_u16).webhook_secret("")).unwrap_err().to_string();
        for part in [
            "The webhook secret given in code is empty.",
            "The function of /webhooks/by_alias (",
            "takes web::Data<u8>, but",
            "The function of /webhooks/blocking_two (",
            "takes web::Data<u8> and web::Data<alloc::string::String>, but",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = TestClient::new(server().data(7_u8)).unwrap_err().to_string();
        assert!(!error.contains("by_alias"), "{error}");
        assert!(error.contains("takes web::Data<alloc::string::String>, but"), "{error}");
    }

    #[test]
    fn data_that_configure_adds_counts() {
        let server = server().data(String::new()).endpoint(dynamic::endpoint());
        let server = server.configure(|app| {
            let answer: Arc<dyn Fn() -> u8 + Send + Sync> = Arc::new(|| 7);
            app.app_data(web::Data::new(7_u8)).app_data(web::Data::from(answer));
        });
        let client = TestClient::new(server).unwrap();
        assert_eq!(client.post(by_alias::PATH, json!({})).send().status(), 200);
        assert_eq!(client.post(dynamic::PATH, json!({})).send().text(), "7");
    }

    #[test]
    fn what_is_optional_is_not_needed() {
        let client =
            TestClient::new(WebhooksServer::empty().endpoint(optional::endpoint())).unwrap();
        assert_eq!(client.post(optional::PATH, json!({})).send().text(), "none");
    }

    #[test]
    fn a_function_without_the_attribute_names_the_type_in_its_error() {
        let server = WebhooksServer::empty().add_webhook("/added", added);
        let response = TestClient::new(server).unwrap().post("/webhooks/added", json!({})).send();
        assert_eq!(response.status(), 500);
        assert_eq!(response.cause(), Some("the server has no web::Data<u8>: add it with .data(…)"));
    }
}

mod conditions {
    use super::*;

    #[webhook_endpoint]
    async fn arguments(
        #[cfg(any())] _missing: NoSuchType,
        #[cfg(not(windows))] payload: WebhookPayload,
        #[cfg_attr(all(), cfg(any()))] _missing_too: NoSuchType,
        #[cfg_attr(any(), cfg(any()))] delivery: Delivery,
    ) -> String {
        format!("{} {}", payload.repo.name, delivery.attempt)
    }

    #[webhook_endpoint(background)]
    fn in_the_background(#[cfg(any())] _missing: NoSuchType, _payload: WebhookPayload) {}

    #[webhook_endpoint]
    #[cfg_attr(all(), cfg(any()))]
    async fn gone(_: NoSuchType) {}

    #[webhook_endpoint("/gone")]
    #[cfg_attr(all(), cfg(all()))]
    async fn gone() -> &'static str {
        "not gone"
    }

    /// First.
    #[webhook_endpoint]
    #[doc = include_str!("../fixtures/description.md")]
    #[cfg_attr(all(), doc = " Third.")]
    #[cfg_attr(any(), doc = " Never.")]
    async fn described() {}

    #[test]
    fn arguments_that_are_configured_out_are_none() {
        let server = WebhooksServer::empty().endpoint(arguments::endpoint());
        let client = TestClient::new(server.endpoint(in_the_background::endpoint())).unwrap();
        let response = client.post(arguments::PATH, dataset_commit()).send();
        assert_eq!(response.text(), "openai/gsm8k 1");
        assert_eq!(client.post(in_the_background::PATH, dataset_commit()).send().status(), 202);
    }

    #[test]
    fn a_function_that_is_configured_out_is_none() {
        let client = TestClient::new(WebhooksServer::empty().endpoint(gone::endpoint())).unwrap();
        assert_eq!(client.post("/webhooks/gone", json!({})).send().text(), "not gone");
    }

    #[test]
    fn a_doc_comment_may_come_from_a_file_or_under_a_condition() {
        let description = described::endpoint().description();
        assert_eq!(description, "First.\nSecond,\nfrom a file.\n\nThird.");
    }
}
