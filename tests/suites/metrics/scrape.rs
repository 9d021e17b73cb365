//! Reads the text that a server exports.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use tests::client::get;

/// A metric.
#[derive(Debug, Default)]
pub(super) struct ExportedFamily {
    pub(super) kind: String,
    /// The names of its labels.
    pub(super) labels: BTreeSet<String>,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) struct ExportedSample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// What a server exports.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) text: String,
    pub(super) samples: Vec<ExportedSample>,
    /// By the names that queries use.
    pub(super) families: BTreeMap<String, ExportedFamily>,
}

impl Scrape {
    /// Reads the metrics at this URL, which need no token.
    pub(super) fn of(url: &str) -> Self {
        let response = get(url, "/metrics").unwrap();
        assert_eq!(response.status, 200, "{response:?}");
        let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(response.header("content-type"), Some(format));
        Self::parse(&response.body)
    }

    pub(super) fn parse(text: &str) -> Self {
        let sample = Regex::new(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$").unwrap();
        let label = Regex::new(r#"([a-z_]+)="([^"]*)""#).unwrap();
        let (mut samples, mut families) = (Vec::new(), BTreeMap::<String, ExportedFamily>::new());
        // The family that the lines belong to, and its name without a suffix.
        let mut current = (String::new(), String::new());
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line == "# EOF" {
                assert_eq!(lines.peek(), None);
                return Self { text: text.to_owned(), samples, families };
            }
            if let Some(described) = line.strip_prefix("# TYPE ") {
                let (name, kind) = described.split_once(' ').unwrap();
                let suffix = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    _ => "",
                };
                current = (name.to_owned(), format!("{name}{suffix}"));
                let family = ExportedFamily { kind: kind.to_owned(), ..ExportedFamily::default() };
                let before = families.insert(current.1.clone(), family);
                assert!(before.is_none(), "{name} twice: {text}");
            } else if !line.starts_with('#') {
                let parts = sample.captures(line).unwrap_or_else(|| panic!("{line:?}"));
                assert!(parts[1].starts_with(&current.0), "{line:?} of {current:?}");
                let labels = parts.get(2).map_or("", |labels| labels.as_str());
                let labels: BTreeMap<_, _> = label
                    .captures_iter(labels)
                    .map(|label| (label[1].to_owned(), label[2].to_owned()))
                    .collect();
                let names = labels.keys().filter(|name| *name != "le").cloned();
                families.get_mut(&current.1).unwrap().labels.extend(names);
                let value = parts[3].parse().unwrap();
                samples.push(ExportedSample { name: parts[1].to_owned(), labels, value });
            }
        }
        panic!("without an end: {text}");
    }

    /// Returns the value of a sample with these labels among others; `None` if there is none.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&ExportedSample| {
            let equal = |(key, value): &(&str, &str)| sample.labels.get(*key).unwrap() == value;
            sample.name == name && labels.iter().all(equal)
        };
        let mut found = self.samples.iter().filter(has);
        let value = found.next().map(|sample| sample.value);
        assert!(found.next().is_none(), "{name} {labels:?}: {}", self.text);
        value
    }
}
