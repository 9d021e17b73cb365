//! A scrape while the store does not respond.

use std::time::{Duration, Instant};

use tests::background::{Place, TestPostgres, accepted, deliver};

use super::scrape::Scrape;
use super::{metrics_url, scrape_until};

/// Checks that a scrape says that the store does not respond, within this time, and has none of its values.
fn assert_store_is_down(url: &str, within: Duration) {
    let _ = scrape_until(url, "the store is down", |scrape| {
        scrape.value("webhooks_store_up", &[]) == Some(0.0)
    });
    let started = Instant::now();
    let scrape = Scrape::of(url);
    assert!(started.elapsed() < within, "{:?}", started.elapsed());
    assert_eq!(scrape.value("webhooks_store_up", &[]), Some(0.0));
    for name in ["background_deliveries", "background_oldest_due_seconds", "background_paused"] {
        let name = format!("webhooks_{name}");
        assert!(!scrape.families.contains_key(&name), "{name}: {}", scrape.text);
    }
    // What the process itself knows is there.
    assert!(scrape.families.contains_key("webhooks_background_attempts_total"));
    assert!(scrape.families.contains_key("webhooks_deliveries_total"));
}

/// Checks that each operation that fails is counted.
fn assert_errors_are_counted(url: &str, metrics: &str) {
    let errors = |scrape: &Scrape, operation| {
        scrape.value("webhooks_store_errors_total", &[("operation", operation)])
    };
    assert_eq!(deliver(url, "quick", None, 0).unwrap().status, 503);
    let scrape = scrape_until(metrics, "errors of the store", |scrape| {
        let operations = ["accept", "claim", "heartbeat", "query"];
        operations.iter().all(|operation| errors(scrape, operation) > Some(0.0))
    });
    // No function has logged anything.
    assert_eq!(errors(&scrape, "write_logs"), Some(0.0));
}

#[test]
fn while_the_file_is_gone_a_scrape_says_so() {
    let place = Place::file();
    let program = place.start(&[("WEBHOOKS_METRICS_PORT", "0")]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    let _ = accepted(&url, "quick", None, 0);
    assert_eq!(Scrape::of(&metrics).value("webhooks_store_up", &[]), Some(1.0));
    std::fs::remove_file(place.store()).unwrap();
    assert_store_is_down(&metrics, Duration::from_secs(4));
    assert_errors_are_counted(&url, &metrics);
    program.kill();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn while_the_database_is_down_a_scrape_says_so() {
    let server = TestPostgres::start();
    let place = Place::database_on(&server.url);
    let program = place.start(&[("WEBHOOKS_METRICS_PORT", "0")]);
    let (url, metrics) = (program.local_url(), metrics_url(&program));
    server.stop();
    assert_store_is_down(&metrics, Duration::from_secs(4));
    assert_errors_are_counted(&url, &metrics);
    program.kill();
}

#[test]
#[ignore = "needs PostgreSQL"]
fn while_the_database_is_silent_a_scrape_responds_in_time_and_says_so() {
    let server = TestPostgres::start();
    let place = Place::database_on(&server.url);
    let program = place.start(&[("WEBHOOKS_METRICS_PORT", "0")]);
    let metrics = metrics_url(&program);
    assert_eq!(Scrape::of(&metrics).value("webhooks_store_up", &[]), Some(1.0));
    server.freeze();
    assert_store_is_down(&metrics, Duration::from_secs(4));
    server.thaw();
    let scrape = scrape_until(&metrics, "the store responds again", |scrape| {
        scrape.value("webhooks_store_up", &[]) == Some(1.0)
    });
    assert!(scrape.families.contains_key("webhooks_background_oldest_due_seconds"));
    program.kill();
}
