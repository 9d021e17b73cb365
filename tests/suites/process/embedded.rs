//! A server inside another program.

use std::time::Duration;

use tests::client::{PATIENCE, connect, post};
use webhooks_runtime::{WebhooksServer, webhook_endpoint};

#[webhook_endpoint]
async fn inner() -> &'static str {
    "inner"
}

/// Returns a server with the endpoints of this suite.
fn new_server() -> WebhooksServer {
    WebhooksServer::empty().endpoint(inner::endpoint())
}

#[tokio::test]
async fn two_servers_run_in_one_process_and_stop_one_by_one() {
    let one = new_server().port(0).start().await.unwrap();
    let other = new_server().port(0).start().await.unwrap();
    assert_eq!(one.public_url(), None);
    let urls = [one.local_url().to_owned(), other.local_url().to_owned()];
    assert_eq!(post(&urls[0], inner::PATH, "").unwrap().body, "inner");
    assert_eq!(post(&urls[1], inner::PATH, "").unwrap().body, "inner");
    one.stop().await;
    assert!(connect(&urls[0]).is_err());
    assert_eq!(post(&urls[1], inner::PATH, "").unwrap().body, "inner");
    other.stop().await;
}

#[tokio::test]
async fn a_program_learns_that_its_server_has_ended() {
    let server = new_server().port(0).start().await.unwrap();
    let mut ended = tokio::spawn(server.wait());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut ended).await.is_err());
    server.stop().await;
    tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_limit_that_no_clock_can_count_is_an_error_at_the_start() {
    let server = new_server().port(0).shutdown_timeout(Duration::MAX);
    let error = server.start().await.unwrap_err();
    assert_eq!(error.to_string(), "The shutdown timeout must be at most one day.");
}

#[tokio::test]
async fn launch_says_that_it_has_no_place_in_async_code() {
    let error = new_server().port(0).launch().unwrap_err();
    assert!(error.to_string().contains(".run().await"), "{error}");
    // What a `main` that returns the error prints is the same text.
    assert_eq!(format!("{error:?}"), error.to_string());
}
