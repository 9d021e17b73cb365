//! Metrics for Prometheus: what a server exports, who may read it, and what the guide, the dashboard for Grafana and the
//! alert rules say about it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on")]

mod access;
mod background;
mod names;
mod rules;
mod scrape;
mod store;
mod tunnel;
mod values;
mod webhooks;

use std::time::{Duration, Instant};

use tests::client::PATIENCE;
use tests::program::Program;

use self::scrape::Scrape;

/// Returns the URL of the metrics' own port.
fn metrics_url(program: &Program) -> String {
    url_in(program, "* Metrics:").trim_end_matches("/metrics").to_owned()
}

/// Returns the URL at the end of a line that the program prints.
fn url_in(program: &Program, line: &str) -> String {
    let line = program.wait_for(line);
    line.trim_end().rsplit(' ').next().unwrap().to_owned()
}

/// Scrapes until the metrics are as expected.
fn scrape_until(url: &str, what: &str, expected: impl Fn(&Scrape) -> bool) -> Scrape {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let scrape = Scrape::of(url);
        if expected(&scrape) {
            return scrape;
        }
        assert!(Instant::now() < deadline, "{what}: {}", scrape.text);
        std::thread::sleep(Duration::from_millis(50));
    }
}
