//! The names of the metrics: a server with everything exports exactly the names of the guide, and the dashboard and the
//! alert rules use no other names.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;
use tests::client::post;
use tests::hub::TestHub;
use tests::markdown::blocks;
use tests::payloads::dataset_commit;
use tests::program::Program;
use tests::programs::{free_port, watching};
use tests::repository::read;

use super::scrape::Scrape;
use super::{metrics_url, scrape_until, url_in};

/// Scrapes a server with a tunnel, webhooks on the Hub and background endpoints.
pub(super) fn scrape_everything() -> Scrape {
    let hub = TestHub::start();
    hub.create_repo("dataset:me/data");
    hub.create_repo("model:me/tiny");
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("webhooks.db");
    let tunnel = format!("127.0.0.1:{}", free_port());
    let mut variables = vec![
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        ("WEBHOOKS_STORE", store.to_str().unwrap()),
        ("BACKGROUND", "1"),
        ("TUNNEL", &tunnel),
    ];
    variables.extend(hub.variables());
    let arguments = ["--port", "0", "--share", "--register", "--metrics-port", "0"];
    let program = Program::start(&watching(), &arguments, &variables).unwrap();
    let _ = program.wait_for("/webhooks/unwatched: none");
    // A server that registers webhooks does not print the line that `local_url` waits for.
    let url = url_in(&program, "* Running on local URL:");
    let metrics = metrics_url(&program);
    assert_eq!(post(&url, "/webhooks/unwatched", "{}").unwrap().status, 200);
    assert_eq!(post(&url, "/webhooks/reply", &dataset_commit().to_string()).unwrap().status, 200);
    let attempts = [("endpoint", "/webhooks/index"), ("result", "succeeded")];
    hub.push("dataset:me/data", "main", &[("a.csv", Some(b"1,2"))]);
    let scrape = scrape_until(&metrics, "an attempt", |scrape| {
        scrape.value("webhooks_background_attempts_total", &attempts) == Some(1.0)
    });
    assert_eq!(scrape.value("webhooks_tunnel_up", &[]), Some(1.0));
    let enabled = scrape.value("webhooks_hub_webhooks", &[("state", "enabled")]);
    assert_eq!(enabled, Some(3.0), "{}", scrape.text);
    program.stop();
    scrape
}

/// Returns the metrics in a page's tables: their types and labels.
fn documented(language: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let row = Regex::new(r"^\| `((?:webhooks|process)_[a-z_]+)` \| ([a-z]+) \| ([^|]*)\|").unwrap();
    let label = Regex::new("`([a-z]+)`").unwrap();
    let page = read(format!("docs/{language}/metrics.md"));
    let rows = page.lines().filter_map(|line| row.captures(line));
    let metric = |row: regex::Captures<'_>| {
        let labels = label.captures_iter(&row[3]).map(|label| label[1].to_owned()).collect();
        (row[1].to_owned(), (row[2].to_owned(), labels))
    };
    rows.map(metric).collect()
}

/// Returns the names of metrics in a query.
fn names_in(query: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:webhooks|process)_[a-z_]+").unwrap();
    name.find_iter(query).map(|name| name.as_str().to_owned()).collect()
}

/// Returns the queries of the dashboard.
fn dashboard_queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Returns the alert rules.
pub(super) fn alerts() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&read("docs/prometheus-alerts.yml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

#[test]
fn the_exported_metrics_are_those_of_the_guide_and_all_that_the_dashboard_and_the_alerts_ask_for() {
    let scrape = scrape_everything();
    let exported: BTreeMap<_, _> = scrape
        .families
        .iter()
        .map(|(name, family)| (name.clone(), (family.kind.clone(), family.labels.clone())))
        .collect();
    for language in ["en", "ko"] {
        assert_eq!(documented(language), exported, "docs/{language}/metrics.md");
    }
    let samples: BTreeSet<_> = scrape.samples.iter().map(|sample| sample.name.clone()).collect();
    let dashboard: Value = serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap();
    let mut shown = BTreeSet::new();
    for query in dashboard_queries(&dashboard) {
        let names = names_in(&query);
        assert!(!names.is_empty() && names.is_subset(&samples), "{query}");
        shown.extend(names);
    }
    for alert in alerts() {
        let names = names_in(alert["expr"].as_str().unwrap());
        assert!(!names.is_empty() && names.is_subset(&samples), "{alert:?}");
    }
    // Each metric has a panel.
    for name in exported.keys() {
        let panel = |shown: &String| {
            shown.strip_prefix(name.as_str()).is_some_and(|rest| matches!(rest, "" | "_bucket"))
        };
        assert!(shown.iter().any(panel), "no panel shows {name}");
    }
}

#[test]
fn the_labels_in_queries_are_labels_of_their_metrics_with_values_that_exist() {
    let scrape = scrape_everything();
    let selector = Regex::new(r#"((?:webhooks|process)_[a-z_]+)\{([^}]*)\}"#).unwrap();
    let label = Regex::new(r#"([a-z]+)(?:=|!=|=~|!~)"([^"]*)""#).unwrap();
    let dashboard: Value = serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap();
    let alerts = alerts();
    let alerts = alerts.iter().map(|alert| alert["expr"].as_str().unwrap().to_owned());
    let mut compared = 0;
    for query in dashboard_queries(&dashboard).into_iter().chain(alerts) {
        for selector in selector.captures_iter(&query) {
            let of_metric = |sample: &&super::scrape::ExportedSample| sample.name == selector[1];
            for label in label.captures_iter(&selector[2]).filter(|label| &label[1] != "job") {
                let samples = scrape.samples.iter().filter(of_metric);
                let values: BTreeSet<_> =
                    samples.filter_map(|sample| sample.labels.get(&label[1]).cloned()).collect();
                // Values that appear with the first of their kind are in the guide.
                let page = read("docs/en/metrics.md");
                for value in label[2].split('|') {
                    let is_known = values.contains(value) || page.contains(&format!("`{value}`"));
                    assert!(!values.is_empty() && is_known, "{query}: {value} of {values:?}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 5, "{compared}");
}

#[test]
fn the_dashboard_has_its_rows_and_places_no_panel_on_another() {
    let dashboard: Value = serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(rows, ["Deliveries", "Background", "Hub and tunnel", "Process"]);
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()));
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(x < 24 && taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}

#[test]
fn each_alert_says_what_is_wrong_and_what_to_do() {
    let alerts = alerts();
    let names: Vec<_> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
    for expected in ["OldestDueTooOld", "DeadGrowing", "Suspended", "NothingReceived"] {
        assert!(names.contains(&format!("Webhooks{expected}").as_str()), "{names:?}");
    }
    for alert in &alerts {
        for text in ["summary", "description"] {
            assert!(alert["annotations"][text].as_str().unwrap().len() > 20, "{alert:?}");
        }
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("warning" | "critical")));
        for language in ["en", "ko"] {
            let page = read(format!("docs/{language}/metrics.md"));
            assert!(page.contains(&format!("`{}`", alert["alert"].as_str().unwrap())), "{alert:?}");
        }
    }
}

#[test]
fn the_files_on_the_page_are_yaml_that_prometheus_has_keys_for() {
    let page = read("docs/en/metrics.md");
    let files: Vec<_> =
        blocks(&page).into_iter().filter(|block| block.language == "yaml").collect();
    assert_eq!(files.len(), 2);
    for file in files {
        let config: Value = serde_saphyr::from_str(&file.text).unwrap();
        for (key, value) in config.as_object().unwrap() {
            match key.as_str() {
                "rule_files" => assert_eq!(value[0].as_str(), Some("prometheus-alerts.yml")),
                "scrape_configs" => {
                    assert!(value[0]["job_name"].is_string());
                    assert!(value[0]["static_configs"][0]["targets"][0].is_string());
                }
                other => panic!("{other}"),
            }
        }
    }
}
