//! The alert rules, which promtool checks and evaluates, and the conventions for the names of metrics.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::repository::{read, root};

use super::names::{alerts, scrape_everything};
use super::scrape::Scrape;

const RULES: &str = "docs/prometheus-alerts.yml";
/// Series, and the alerts that they make fire.
const RULE_TESTS: &str = "tests/fixtures/prometheus-alerts.yml";

/// Runs promtool, which must find nothing to complain about.
fn promtool(arguments: &[&str], input: &str) {
    let mut command = Command::new(root().join("tests/promtool"));
    command.current_dir(root()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "promtool {arguments:?}: {stdout}{stderr}\n{input}");
}

/// Returns a scrape in the text format of Prometheus, whose names of counters and infos have their suffixes everywhere.
/// promtool does not read the format of OpenMetrics.
fn prometheus_text(scrape: &Scrape) -> String {
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(keyword), Some(name)) = (words.next(), words.next(), words.next())
        else {
            return line.to_owned();
        };
        let is_name = |full: &&String| {
            full.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | "_total" | "_info"))
        };
        let name = scrape.families.keys().find(is_name).unwrap();
        let rest = words.next().unwrap_or_default();
        format!("# {keyword} {name} {}", if rest == "info" { "gauge" } else { rest })
    };
    let lines = scrape.text.lines().filter(|line| *line != "# EOF");
    lines.map(|text| line(text) + "\n").collect()
}

#[test]
#[ignore = "needs promtool"]
fn each_alert_fires_for_the_series_that_it_is_made_for_and_for_no_others() {
    promtool(&["check", "rules", RULES], "");
    promtool(&["test", "rules", RULE_TESTS], "");
}

#[test]
fn each_alert_has_series_that_make_it_fire_and_series_that_do_not() {
    let tests: Value = serde_saphyr::from_str(&read(RULE_TESTS)).unwrap();
    let tests = tests["tests"].as_array().unwrap().iter();
    let expectations: Vec<_> =
        tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap()).collect();
    for alert in alerts() {
        let name = &alert["alert"];
        let of_alert = expectations.iter().filter(|expected| expected["alertname"] == *name);
        let fired: Vec<&Vec<Value>> =
            of_alert.map(|expected| expected["exp_alerts"].as_array().unwrap()).collect();
        assert!(
            fired.iter().any(|alerts| alerts.is_empty()),
            "{RULE_TESTS}: no series without {name}"
        );
        assert!(
            fired.iter().any(|alerts| !alerts.is_empty()),
            "{RULE_TESTS}: no series with {name}"
        );
    }
}

#[test]
#[ignore = "needs promtool"]
fn the_metrics_follow_the_naming_conventions_of_prometheus() {
    let scrape = scrape_everything();
    promtool(&["check", "metrics"], &prometheus_text(&scrape));
}

/// The rules count on it: `increase` does not see a counter that appears with its first event.
#[test]
fn the_counters_of_deliveries_and_of_their_ends_exist_before_the_first_one() {
    let scrape = scrape_everything();
    for (name, endpoint, label) in [
        ("webhooks_background_attempts_total", "/webhooks/index", ("result", "dead")),
        ("webhooks_deliveries_total", "/webhooks/reply", ("outcome", "succeeded")),
    ] {
        let labels = [("endpoint", endpoint), label];
        assert_eq!(scrape.value(name, &labels), Some(0.0), "{name}: {}", scrape.text);
    }
}
