//! The document over a socket.

use std::io::{Read, Write};

use tests::client::{ClientResponse, connect, get, head, read_answer};
use webhooks_runtime::{ServerHandle, WebhooksServer, web};

use super::{ping, train};

async fn serve(server: WebhooksServer) -> ServerHandle {
    server.port(0).workers(1).start().await.unwrap()
}

fn get_with(url: &str, path: &str, headers: &[&str]) -> ClientResponse {
    let mut stream = connect(url).unwrap();
    stream.write_all(head(&format!("GET {path}"), headers).as_bytes()).unwrap();
    read_answer(&mut stream).unwrap()
}

#[tokio::test]
async fn who_has_the_document_is_not_sent_it_again() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    let url = server.local_url();
    let first = get(url, "/openapi.json").unwrap();
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap();
    for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = get_with(url, "/openapi.json", &[&format!("If-None-Match: {known}")]);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    assert_eq!(get_with(url, "/openapi.json", &["If-None-Match: \"other\""]).status, 200);
    let other = serve(WebhooksServer::empty().endpoint(ping::endpoint())).await;
    assert_ne!(get(other.local_url(), "/openapi.json").unwrap().header("etag"), Some(tag));
    server.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn docs_redirects_to_the_page_under_any_path_of_a_proxy() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    for (path, page) in [("/docs", "./"), ("/docs/", "../")] {
        let response = get(server.local_url(), path).unwrap();
        assert_eq!((response.status, response.header("location")), (307, Some(page)), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_head_is_told_the_same_without_the_body() {
    let server = serve(WebhooksServer::empty().endpoint(train::endpoint())).await;
    for (path, status) in [("/openapi.json", 200), ("/docs", 307)] {
        let mut probe = connect(server.local_url()).unwrap();
        let request = head(&format!("HEAD {path}"), &["Connection: close"]);
        probe.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).unwrap();
        let begin = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&begin) && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_route_of_ones_own_goes_before_them_and_a_page_of_ones_own_beside_them() {
    let server = WebhooksServer::empty().endpoint(train::endpoint());
    let server = server.ui(async || "mine").configure(|app| {
        app.route("/docs", web::get().to(async || "my docs"));
    });
    let server = serve(server).await;
    assert_eq!(get(server.local_url(), "/docs").unwrap().body, "my docs");
    assert_eq!(get(server.local_url(), "/").unwrap().body, "mine");
    assert_eq!(get(server.local_url(), "/openapi.json").unwrap().status, 200);
    server.stop().await;
}
