//! The stream of events that keeps a page up to date.

use std::io::BufRead;
use std::time::{Duration, Instant};

use tests::client::{PAGE_TOKEN, Viewer};
use tests::program::Program;
use tests::programs::quickstart;
use tests::share::{Terms, TestShareServer};

use super::{Events, deliver, new_server, serve};

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_followed_without_a_gap() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    deliver(url, "echo", "1");
    let mut events = Events::follow(&viewer, "/events", &[]);
    assert_eq!(events.deliveries().0, [1]);
    deliver(url, "echo", "2");
    let (more, all, id) = events.deliveries();
    assert_eq!((more, all), (vec![2], false));
    drop(events);
    deliver(url, "echo", "3");
    deliver(url, "echo", "4");
    let mut events = Events::follow(&viewer, "/events", &[&format!("Last-Event-ID: {id}")]);
    assert_eq!(events.deliveries().0, [4, 3]);
    let mut events = Events::follow(&viewer, &format!("/events?after={id}"), &[]);
    assert_eq!(events.deliveries().0, [4, 3]);
    // Of another run of the program, or of none.
    for other in ["0-2", "what"] {
        let mut events = Events::follow(&viewer, "/events", &[&format!("Last-Event-ID: {other}")]);
        let (rows, all, _) = events.deliveries();
        assert_eq!((rows, all), (vec![4, 3, 2, 1], true));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_learns_the_public_url_when_it_comes() {
    let share_server = TestShareServer::start(&Terms::default()).unwrap();
    let server = new_server().share(true).share_server(share_server.address.to_string());
    let server = serve(server).await;
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    let (_, address) = events.next("address");
    assert_eq!(address["base"].as_str(), server.public_url().as_deref());
    let page = viewer.get("/").unwrap().body;
    assert!(page.contains(&server.public_url().unwrap()));
    server.stop().await;
}

/// nginx asks for it on every request when it is configured as its guide to WebSockets says.
#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_where_a_proxy_asks_for_an_upgrade() {
    let server = serve(new_server()).await;
    let viewer = Viewer::open(server.activity_url());
    let headers = ["Connection: Upgrade", "Upgrade: websocket"];
    let mut events = Events::follow(&viewer, "/events", &headers);
    let mut line = String::new();
    while line.trim_end() != "content-type: text/event-stream" {
        line.clear();
        assert!(events.0.read_line(&mut line).unwrap() > 2, "no such header");
        assert!(!line.starts_with("transfer-encoding"), "{line}");
    }
    events.deliveries();
    deliver(server.local_url(), "echo", "x");
    assert_eq!(events.deliveries().0, [1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_deliveries_are_told_together() {
    let server = serve(new_server()).await;
    let url = server.local_url();
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    for _ in 0..1000 {
        deliver(url, "echo", "x");
    }
    let (mut told, mut last) = (0, 0);
    while last < 1000 {
        let (numbers, _, _) = events.deliveries();
        assert!(numbers.len() <= 200);
        last = numbers[0];
        told += 1;
    }
    assert!(told < 100, "{told} events");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_does_not_hold_up_the_stop() {
    let server = serve(new_server()).await;
    let viewer = Viewer::open(server.activity_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    let stopped = Instant::now();
    server.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());

    let program = quickstart();
    let program = Program::start(&program, &["--port", "0"], &[PAGE_TOKEN]).unwrap();
    let viewer = Viewer::of_program(&program.local_url());
    let mut events = Events::follow(&viewer, "/events", &[]);
    events.deliveries();
    assert_eq!(program.stop().code, Some(0));
}
