//! Calls of a server on this machine, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::CallLimits;
use crate::hub::Hub;

const TOKEN: &str = "hf_hush";

/// A server that records requests, and responds with what a function returns: `None` closes the connection.
struct TestServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    fn start(respond: impl Fn(usize, &str) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        // It ends with the test program.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Some(request) = read_request(&mut connection) else { continue };
                let count = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request.clone());
                    seen.len()
                };
                if let Some(response) = respond(count, &request) {
                    // The client may stop reading early.
                    let _ = connection.write_all(response.as_bytes());
                }
            }
        });
        Self { address, requests }
    }

    fn always(response: String) -> Self {
        Self::start(move |_, _| Some(response.clone()))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn hub(&self) -> Hub {
        Hub::new(&self.url(""), TOKEN).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads the head and body of a request.
fn read_request(connection: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).unwrap_or("0");
            let length: usize = length.split("\r\n").next()?.parse().ok()?;
            if body.len() >= length {
                return String::from_utf8(request).ok();
            }
        }
        match connection.read(&mut buffer) {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn redirect(status: &str, to: &str) -> String {
    response(status, &format!("Location: {to}\r\n"), "")
}

fn has_token(request: &str) -> bool {
    request.contains(TOKEN)
}

#[tokio::test]
async fn a_call_has_the_token_the_query_and_the_body() {
    let server = TestServer::always(response("200 OK", "", r#"{"id":"w1"}"#));
    let hub = server.hub();
    let body = json!({ "key": "A" });
    for (method, body) in
        [("GET", None), ("DELETE", Some(&body)), ("PUT", Some(&body)), ("POST", None)]
    {
        let request = hub.request(method, "/api/x%2Fy").query("a b", "c&d");
        let request = if let Some(body) = body { request.json(body) } else { request };
        request.send().await.unwrap();
        let sent = server.requests().pop().unwrap();
        assert!(sent.starts_with(&format!("{method} /api/x%2Fy?a+b=c%26d HTTP/1.1\r\n")), "{sent}");
        let sent = sent.to_ascii_lowercase();
        assert!(sent.contains("\r\nauthorization: bearer hf_hush\r\n"), "{sent}");
        assert!(sent.contains("\r\nuser-agent: webhooks-runtime/"), "{sent}");
        assert_eq!(
            sent.contains("\r\ncontent-type: application/json\r\n"),
            body.is_some(),
            "{sent}"
        );
        assert_eq!(sent.ends_with(r#"{"key":"a"}"#), body.is_some(), "{sent}");
        assert_eq!(sent.contains("\r\ncontent-length: 0\r\n"), method == "POST", "{sent}");
    }
}

#[tokio::test]
async fn the_token_does_not_go_along_a_redirect_to_another_origin() {
    let storage = TestServer::always(response("200 OK", "", "content"));
    let target = storage.url("/x?signature=s");
    let server = TestServer::start(move |_, request| {
        let new = "GET /me/new/resolve/main/a.bin ";
        Some(match request.starts_with(new) {
            true => redirect("302 Found", &target),
            false => redirect("307 Temporary Redirect", "/me/new/resolve/main/a.bin"),
        })
    });
    let text = server.hub().file_text("me/old", "main", "a.bin").await.unwrap();
    assert_eq!(text, "content");
    let (hub, other) = (server.requests(), storage.requests());
    assert_eq!((hub.len(), other.len()), (2, 1));
    assert!(hub.iter().all(|request| has_token(request)), "{hub:?}");
    assert!(other[0].starts_with("GET /x?signature=s "), "{other:?}");
    assert!(!has_token(&other[0]), "{other:?}");
    assert!(!other[0].to_ascii_lowercase().contains("authorization"), "{other:?}");
}

#[tokio::test]
async fn a_body_does_not_go_along_a_redirect_to_another_origin() {
    let other = TestServer::always(response("200 OK", "", "{}"));
    let target = other.url("/");
    let server = TestServer::always(redirect("307 Temporary Redirect", &target));
    let set = server.hub().set_space_secret("space:me/bot", "A", "hush").await;
    let error = set.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert!(error.to_string().contains("the repo may have moved"), "{error}");
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = TestServer::always(redirect("302 Found", "/again"));
    let error = server.hub().repo_info("me/x").await.unwrap_err();
    assert!(error.to_string().ends_with("more than 5 redirects"), "{error}");
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_lost_connection_is_retried_for_idempotent_calls_only() {
    let server = TestServer::start(|count, _| {
        (count % 2 == 0).then(|| response("200 OK", "", r#"{"webhook":{"id":"w1"},"id":"me/x"}"#))
    });
    let hub = server.hub();
    hub.repo_info("me/x").await.unwrap();
    hub.enable_webhook("w1").await.unwrap();
    assert_eq!(server.requests().len(), 4);
    let error = hub.comment("me/x", 7, "Hi").await.unwrap_err();
    assert_eq!(server.requests().len(), 5);
    let text = error.to_string();
    let beginning = format!(
        "POST /api/models/me/x/discussions/7/comment failed: no response from {}, ",
        server.url("")
    );
    assert!(text.starts_with(&beginning), "{text}");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_lost_connection() {
    let cut = response("200 OK", "", r#"{"id":"me/x"}"#).replace("Length: 13", "Length: 99");
    let server = TestServer::start(move |count, _| {
        Some(if count == 1 { cut.clone() } else { response("200 OK", "", r#"{"id":"me/x"}"#) })
    });
    server.hub().repo_info("me/x").await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_hub_that_is_down_is_an_error_that_says_what_to_check() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hub = Hub::new(&format!("http://{unused}"), TOKEN).unwrap();
    let error = hub.comment("me/x", 7, "Hi").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "POST /api/models/me/x/discussions/7/comment failed: http://{unused} cannot be reached, nothing \
             listens at this address: check the network, and HF_ENDPOINT if it is set"
        )
    );
    assert_eq!((error.status(), error.retry_after()), (None, None));
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_also_for_a_call_that_is_not_idempotent() {
    let server = TestServer::start(|count, _| {
        let limit = response("429 Too Many Requests", "RateLimit: \"api\";r=0;t=0\r\n", "");
        Some(if count < 3 { limit } else { response("200 OK", "", r#"{"num":7}"#) })
    });
    let new = server.hub().create_discussion("me/x", "Title", "Text").await.unwrap();
    assert_eq!(new.num, 7);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn no_error_contains_the_token_that_a_server_repeats() {
    let headers = format!("X-Error-Message: no access with {TOKEN}\r\nX-Request-Id: {TOKEN}\r\n");
    let server = TestServer::start(move |count, _| {
        let body = format!(r#"{{"error":"Bearer {TOKEN}"}}"#);
        Some(response("401 Unauthorized", if count == 1 { &headers } else { "" }, &body))
    });
    for message in ["no access with hf_***", "Bearer hf_***"] {
        let error = server.hub().repo_info("me/x").await.unwrap_err();
        assert_eq!(error.message(), Some(message));
        let text = format!("{error} {error:?} {:?}", server.hub());
        assert!(!text.contains(TOKEN), "{text}");
        assert!(text.contains("the token is invalid or lacks the scope `read`"), "{text}");
    }
    let server =
        TestServer::always(response("200 OK", "", &format!(r#"{{"id":7,"x":"{TOKEN}"}}"#)));
    let error = server.hub().repo_info("me/x").await.unwrap_err();
    assert!(error.to_string().ends_with("has another form than expected, at id"), "{error}");
}

#[tokio::test]
async fn a_response_above_the_limit_is_an_error() {
    let length = 65 * 1024 * 1024;
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let server = TestServer::start(move |_, _| Some(format!("{head}{}", " ".repeat(length))));
    let error = server.hub().repo_info("me/x").await.unwrap_err();
    assert!(error.to_string().contains("larger than 64 MB"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn calls_work_without_a_runtime() {
    let server = TestServer::always(response("200 OK", "", r#"{"id":"me/x"}"#));
    let hub = server.hub();
    assert_eq!(hub.block_on(hub.repo_info("me/x")).unwrap().name, "me/x");
}

#[tokio::test]
async fn a_blocking_call_needs_no_second_thread_for_blocking_work() {
    let server = TestServer::always(response("200 OK", "", "{}"));
    let hub = server.hub();
    // A worker of this runtime is a thread of its pool, too, and does not count.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap();
    let call = runtime.spawn_blocking(move || hub.block_on(hub.request("GET", "/api/x").send()));
    let done = tokio::time::timeout(std::time::Duration::from_secs(5), call).await;
    runtime.shutdown_background();
    assert!(done.expect("the call ends").unwrap().is_ok());
}

#[tokio::test]
async fn a_call_without_a_response_ends_in_time_and_is_not_repeated() {
    // It is like a server that hangs: the connection stays open.
    let (keep, _kept) = std::sync::mpsc::channel();
    let keep = Mutex::new(keep);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            seen.lock().unwrap().extend(read_request(&mut connection));
            let _ = keep.lock().unwrap().send(connection);
        }
    });
    let hub = Hub::new(&url, TOKEN).unwrap();
    let limits = CallLimits { time: std::time::Duration::from_millis(200), ..CallLimits::CALL };
    for (method, advice) in [
        // Three more attempts would take four times as long.
        ("GET", "retry later"),
        ("POST", "check whether the Hub has processed it before you retry"),
    ] {
        let error = hub.request(method, "/api/x").limits(limits).send().await.unwrap_err();
        let text = format!("{method} /api/x failed: no response from {url} within 200ms: {advice}");
        assert_eq!((error.to_string(), error.status()), (text, None));
    }
    assert_eq!(requests.lock().unwrap().len(), 2);
}
