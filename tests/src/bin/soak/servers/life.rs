//! The life of a server, from its start to its end: what clients got of it, and what it counted.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use ::tests::client::{ClientResponse, exchange, head};

use super::METRICS_TOKEN;

/// How long a request may take, and its count afterwards.
const PATIENCE: Duration = Duration::from_secs(60);

/// The endpoint whose requests are compared one by one.
pub(crate) const INLINE: &str = "/webhooks/responds";

/// How a server counts these statuses of the inline function.
const OUTCOMES: [(u16, (&str, &str)); 8] = [
    (200, ("succeeded", "")),
    (500, ("failed", "")),
    (401, ("rejected", "secret_missing")),
    (403, ("rejected", "forbidden")),
    (409, ("rejected", "other")),
    (413, ("rejected", "too_large")),
    (422, ("rejected", "invalid")),
    (503, ("rejected", "unavailable")),
];

/// The requests of deliveries that a server has counted, by endpoint, outcome and reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeliveryCounts(BTreeMap<[String; 3], u64>);

impl DeliveryCounts {
    /// Reads them from the text of the metrics.
    pub(crate) fn read(metrics: &str) -> Self {
        let lines = metrics.lines().filter_map(|line| {
            let line = line.strip_prefix("webhooks_deliveries_total{")?;
            let (labels, value) = line.split_once("} ")?;
            let label = |name: &str| {
                let value = labels.split_once(&format!("{name}=\""))?.1.split('"').next()?;
                Some(value.to_owned())
            };
            let labels = [label("endpoint")?, label("outcome")?, label("reason")?];
            Some((labels, value.split(' ').next()?.parse().ok()?))
        });
        Self(lines.collect())
    }

    /// How many requests of this endpoint had one of these outcomes; all of them without any.
    pub(crate) fn of(&self, endpoint: &str, outcomes: &[&str]) -> u64 {
        let counted = self.0.iter().filter(|([path, outcome, _], _)| {
            path == endpoint && (outcomes.is_empty() || outcomes.contains(&outcome.as_str()))
        });
        counted.map(|(_, count)| count).sum()
    }

    /// Describes those of the inline function.
    fn inline(&self) -> String {
        let counts = self.0.iter().filter(|([path, ..], count)| path == INLINE && **count > 0);
        format!("{:?}", counts.collect::<Vec<_>>())
    }

    fn exactly(&self, (outcome, reason): (&str, &str)) -> u64 {
        let key = [INLINE, outcome, reason].map(str::to_owned);
        self.0.get(&key).copied().unwrap_or_default()
    }
}

/// What clients got of the inline function.
#[derive(Clone, Debug, Default)]
struct InlineTally {
    in_flight: u64,
    responses: BTreeMap<u16, u64>,
    without_response: u64,
}

/// A server, as its clients see it.
#[derive(Debug)]
pub(crate) struct ServerLife {
    pub(crate) url: String,
    pub(crate) process: u32,
    tally: Mutex<InlineTally>,
}

impl ServerLife {
    pub(crate) fn new(url: String, process: u32) -> Self {
        Self { url, process, tally: Mutex::default() }
    }

    /// Counts a request to the inline function that begins.
    pub(crate) fn begin(&self) {
        self.tally.lock().unwrap().in_flight += 1;
    }

    /// Counts its response.
    pub(crate) fn finish(&self, response: &io::Result<ClientResponse>) {
        let mut tally = self.tally.lock().unwrap();
        tally.in_flight -= 1;
        match response {
            Ok(response) => *tally.responses.entry(response.status).or_default() += 1,
            Err(_) => tally.without_response += 1,
        }
    }

    /// Compares what clients got with what the server counted, which it returns, when no request is sent any more.
    pub(crate) fn compare(&self) -> Result<DeliveryCounts, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tally = self.tally.lock().unwrap().clone();
            let compared = self.scrape().map_err(|error| format!("no metrics: {error}"));
            let compared = compared.and_then(|metrics| {
                let counts = DeliveryCounts::read(&metrics);
                if tally.matches(&counts) { Ok(counts) } else { Err(counts.inline()) }
            });
            match compared {
                Ok(counts) if tally.in_flight == 0 => return Ok(counts),
                Err(counts) if Instant::now() > deadline => {
                    let process = self.process;
                    return Err(format!(
                        "process {process} responded {tally:?}, and counted {counts}"
                    ));
                }
                _ => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Reads the metrics, as a monitoring system does.
    pub(crate) fn scrape(&self) -> io::Result<String> {
        let token = format!("Authorization: Bearer {METRICS_TOKEN}");
        let response = exchange(&self.url, head("GET /metrics", &[&token]))?;
        let is_whole = response.status == 200 && response.body.ends_with("# EOF\n");
        if is_whole { Ok(response.body) } else { Err(io::Error::other(format!("{response:?}"))) }
    }
}

impl InlineTally {
    /// Whether each response is counted once, by its status, and nothing else but requests without a response.
    fn matches(&self, counts: &DeliveryCounts) -> bool {
        let each = self.responses.iter().all(|(status, count)| {
            let outcome = OUTCOMES.iter().find(|(known, _)| known == status);
            outcome.is_some_and(|(_, outcome)| counts.exactly(*outcome) >= *count)
        });
        let responses: u64 = self.responses.values().sum();
        let counted = counts.of(INLINE, &[]);
        each && (responses..=responses + self.without_response).contains(&counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(responses: &[(u16, u64)], without_response: u64) -> InlineTally {
        let responses = responses.iter().copied().collect();
        InlineTally { in_flight: 0, responses, without_response }
    }

    #[test]
    fn each_response_is_counted_once() {
        let counts = DeliveryCounts::read(
            "# TYPE webhooks_deliveries counter\n\
             webhooks_deliveries_total{endpoint=\"/webhooks/responds\",outcome=\"succeeded\",reason=\"\"} 3\n\
             webhooks_deliveries_total{endpoint=\"/webhooks/responds\",outcome=\"rejected\",reason=\"invalid\"} 1\n\
             webhooks_deliveries_total{endpoint=\"/webhooks/other\",outcome=\"succeeded\",reason=\"\"} 9\n",
        );
        assert_eq!(counts.of(INLINE, &["rejected"]), 1);
        assert!(tally(&[(200, 3), (422, 1)], 0).matches(&counts));
        // One had no response, but was counted; and one had none and was not.
        assert!(tally(&[(200, 2), (422, 1)], 1).matches(&counts));
        assert!(tally(&[(200, 3), (422, 1)], 1).matches(&counts));
        assert!(!tally(&[(200, 2), (422, 1)], 0).matches(&counts), "counted without a request");
        assert!(!tally(&[(200, 4), (422, 1)], 0).matches(&counts), "a response without an outcome");
        assert!(!tally(&[(200, 2), (422, 2)], 0).matches(&counts), "another outcome");
        assert!(!tally(&[(200, 3), (418, 1)], 0).matches(&counts), "a status of nobody");
    }
}
