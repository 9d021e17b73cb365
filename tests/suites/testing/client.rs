//! The test client.

use std::collections::HashMap;
use std::io::Error;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use webhooks_runtime::testing::{TestClient, TestRequest, dataset_commit};
use webhooks_runtime::{HttpRequest, HttpResponse, WebhooksServer, web};

use super::{blocking_name, client, fails, guarded, id, name, new_server};

#[test]
fn a_delivery_takes_three_lines() {
    for path in [name::PATH, blocking_name::PATH] {
        let response = client().post(path, dataset_commit().repo("me/data")).send();
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(response.text(), "me/data");
    }
}

#[tokio::test]
async fn in_async_code_a_request_is_awaited() {
    let response = client().post(name::PATH, dataset_commit().repo("me/data")).await;
    assert_eq!(response.text(), "me/data");
    // Blocking works as well: the server doesn't run on the test's own runtime.
    assert_eq!(client().post(name::PATH, dataset_commit().repo("me/data")).send().status(), 200);
}

#[tokio::test]
async fn requests_are_served_at_the_same_time() {
    async fn meet(barrier: web::Data<Barrier>) {
        barrier.wait().await;
    }
    let server = WebhooksServer::empty().add_webhook("meet", meet).data(Barrier::new(2));
    let client = TestClient::new(server).unwrap();
    let deliver = || client.post("/webhooks/meet", json!({})).into_future();
    let (one, other) = tokio::join!(deliver(), deliver());
    assert_eq!((one.status().as_u16(), other.status().as_u16()), (200, 200));
}

#[test]
fn the_right_secret_is_brought_along() {
    let server = WebhooksServer::empty().endpoint(name::endpoint()).webhook_secrets(["new", "old"]);
    let client = TestClient::new(server).unwrap();
    let delivery = || client.post(name::PATH, dataset_commit());
    assert_eq!(delivery().send().status(), 200);
    assert_eq!(delivery().secret("old").send().status(), 200);
    assert_eq!(delivery().secret("guessed").send().status(), 403);
    assert_eq!(delivery().without_secret().send().status(), 401);
    assert_eq!(client.post("/webhooks/name/", dataset_commit()).send().status(), 200);
    assert!(!format!("{:?}", delivery().secret("hush")).contains("hush"));
}

#[test]
fn of_several_secrets_the_first_is_brought() {
    async fn brought(request: HttpRequest) -> String {
        request.headers().get("x-webhook-secret").unwrap().to_str().unwrap().to_owned()
    }
    let server = WebhooksServer::empty().add_webhook("x", brought).webhook_secrets(["new", "old"]);
    let client = TestClient::new(server).unwrap();
    assert_eq!(client.post("/webhooks/x", json!({})).send().text(), "new");
}

#[tokio::test]
async fn a_request_needs_no_client_to_be_kept() {
    // As a test's helper makes it.
    fn delivery() -> TestRequest {
        client().post(blocking_name::PATH, dataset_commit())
    }
    assert_eq!(delivery().send().status(), 200);
    assert_eq!(delivery().await.status(), 200);
    let client = client();
    let running = tokio::spawn(client.post(blocking_name::PATH, dataset_commit()).into_future());
    drop(client);
    assert_eq!(running.await.unwrap().status(), 200);
}

#[test]
fn a_body_may_be_a_recorded_one_or_no_json() {
    let recorded = serde_json::to_vec(&dataset_commit().repo("me/data")).unwrap();
    let client = client();
    let response = client.post(name::PATH, ()).body(recorded).send();
    assert_eq!(response.text(), "me/data", "{response:?}");
    let response = client.post(name::PATH, ()).body("{").send();
    assert_eq!(response.status(), 422);
    assert_eq!(response.json::<Value>().unwrap()["detail"][0]["type"], "json_invalid");
}

#[test]
fn a_secret_that_no_variable_holds_is_made_up() {
    let response = client().post(guarded::PATH, json!({})).send();
    assert_eq!(response.status(), 200, "{response:?}");
    assert_eq!(client().post(guarded::PATH, json!({})).without_secret().send().status(), 401);
}

#[test]
fn each_delivery_has_an_id_of_its_own() {
    let client = client();
    let id = || client.post(id::PATH, json!({}));
    assert_ne!(id().send().text(), id().send().text());
    assert_eq!(id().header("Webhook-Id", "again").send().text(), "again");
}

#[test]
fn a_request_looks_like_one_from_the_network() {
    async fn seen(request: HttpRequest) -> Value {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        json!([
            header("content-type"),
            header("content-length"),
            request.peer_addr().is_some_and(|peer| peer.ip().is_loopback()),
        ])
    }
    let client = TestClient::new(WebhooksServer::empty().add_webhook("seen", seen)).unwrap();
    let response = client.post("/webhooks/seen", json!({})).send();
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    assert_eq!(response.json::<Value>().unwrap(), json!(["application/json", "2", true]));
}

#[test]
fn what_is_refused_over_the_network_is_refused_here() {
    let client =
        TestClient::new(WebhooksServer::empty().endpoint(name::endpoint()).body_limit(1024))
            .unwrap();
    let response = client.post(name::PATH, json!({ "event": 1 })).send();
    assert_eq!(response.status(), 422);
    assert_eq!(
        response.json::<Value>().unwrap()["detail"][0]["loc"],
        json!(["body", "event"]),
        "{response:?}"
    );
    assert_eq!(client.post(name::PATH, "x".repeat(1024)).send().status(), 413);
    assert_eq!(client.post("/webhooks/unknown", json!({})).send().status(), 404);
    assert_eq!(client.get(name::PATH).send().status(), 405);
}

#[test]
fn pages_and_routes_of_ones_own_are_there() {
    let counter = Arc::new(AtomicU64::new(0));
    let served = Arc::clone(&counter);
    let server = new_server().ui(async || "my page").configure(move |app| {
        let served = Arc::clone(&served);
        let ping = move || std::future::ready(served.fetch_add(1, Ordering::Relaxed).to_string());
        app.route("/ping", web::get().to(ping));
    });
    let client = TestClient::new(server).unwrap();
    assert_eq!(client.get("/").send().text(), "my page");
    assert_eq!(client.get("/ping?a=b").send().text(), "0");
    assert_eq!(counter.load(Ordering::Relaxed), 1);

    let page = TestClient::new(new_server()).unwrap().get("/").send();
    let url = "http://127.0.0.1:7860/webhooks/blocking_name";
    assert!(page.text().contains(url), "{page:?}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let error = TestClient::new(WebhooksServer::empty()).unwrap_err();
    assert!(error.to_string().starts_with("This program has no webhook endpoint."), "{error}");
}

/// What `action` panics with.
fn panic_of(action: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(action)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_mistake_in_the_test_is_explained() {
    let client = client();
    for path in ["name", "", "/a b", "http://localhost/webhooks/name"] {
        let text = panic_of(|| drop(client.post(path, json!({}))));
        assert!(text.contains("is not a path: write \"/webhooks/say_hello\""), "{text}");
    }
    let text = panic_of(|| drop(client.get("/").header("a b", "hush")));
    assert_eq!(text, "a header cannot have the name \"a b\" and this value");
    let text = panic_of(|| drop(client.post("/", HashMap::from([(vec![0], 0)]))));
    assert!(text.starts_with("this body cannot be written as JSON: "), "{text}");
}

#[test]
fn a_page_that_panics_or_breaks_off_is_no_response_and_the_server_lives_on() {
    async fn page(query: web::Query<HashMap<String, String>>) -> HttpResponse {
        assert!(!query.contains_key("panics"), "this page is broken");
        let broken = query.contains_key("breaks_off").then(|| Err(Error::other("broken")));
        let pieces = [Ok(web::Bytes::from_static(b"fine"))].into_iter().chain(broken);
        HttpResponse::Ok().streaming(stream::iter(pieces))
    }
    let client = TestClient::new(new_server().ui(page)).unwrap();
    for query in ["panics=1", "breaks_off=1"] {
        let text = panic_of(|| drop(client.get(&format!("/?{query}")).send()));
        assert!(text.starts_with("there is no response"), "{query}: {text}");
    }
    assert_eq!(client.get("/").send().text(), "fine");
}

#[test]
fn a_failed_delivery_has_its_cause() {
    async fn panics() {
        assert_eq!(1, 2, "the sums don't match");
    }
    let server = new_server().add_webhook("panics", panics);
    let client = TestClient::new(server).unwrap();
    let response = client.post(fails::PATH, json!({})).send();
    assert_eq!(response.cause(), Some("the disk is full"));
    assert!(!response.text().contains("disk"));
    assert!(format!("{response:?}").ends_with(" because of \"the disk is full\""), "{response:?}");
    let response = client.post("/webhooks/panics", json!({})).send();
    assert!(response.cause().unwrap().contains("the sums don't match"), "{response:?}");
    assert_eq!(client.post(name::PATH, dataset_commit()).send().cause(), None);
}

/// Passes by itself; with another status wanted it fails, for the test below.
#[test]
fn a_failed_function_is_answered_with_500() {
    let wanted: u16 = std::env::var("WANTED_STATUS").map_or(500, |status| status.parse().unwrap());
    let response = client().post(fails::PATH, json!({})).send();
    assert_eq!(response.status(), wanted);
}

/// Returns the name of a test of this file as the test program lists it.
fn full_name(test: &str) -> String {
    let (_program, module) = module_path!().split_once("::").unwrap();
    format!("{module}::{test}")
}

/// Runs tests of this file in a process with these variables; whether they passed, and the output.
fn rerun(tests: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_remove("RUST_LOG").env_remove("RUST_TEST_NOCAPTURE");
    command.arg("--exact").args(tests.iter().map(|test| full_name(test)));
    let output = command.envs(variables.iter().copied()).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_output_of_a_failed_test_has_the_cause() {
    const FAILING: &str = "a_failed_function_is_answered_with_500";
    let shown = |variables: &[(&str, &str)]| {
        let (passed, stdout) = rerun(&[FAILING], variables);
        assert!(!passed, "{stdout}");
        // Collected for that test, and shown below its name.
        let heading = format!("---- {} stdout ----", full_name(FAILING));
        let (_, shown) = stdout.split_once(&heading).unwrap();
        shown.contains("error=\"the disk is full\"")
    };
    assert!(shown(&[("WANTED_STATUS", "200")]));
    assert!(!shown(&[("WANTED_STATUS", "200"), ("RUST_LOG", "off")]));
}

#[test]
fn no_variable_of_the_machine_reaches_a_test() {
    let tests = ["a_delivery_takes_three_lines", "a_secret_that_no_variable_holds_is_made_up"];
    // None of these could be used: a server that read them wouldn't start.
    let unusable =
        [("WEBHOOK_SECRET", ""), ("NOT_SET_ON_ANY_MACHINE", ""), ("GRADIO_SERVER_PORT", "http")];
    let (passed, stdout) = rerun(&tests, &unusable);
    assert!(passed && stdout.contains("2 passed"), "{stdout}");
}
