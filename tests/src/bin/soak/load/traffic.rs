//! Requests beside the deliveries: of strangers, of viewers, of a monitoring system, and of clients that stall.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tests::background::kills::{LinkRoute, Senders};
use tests::client::{ClientResponse, PAGE_TOKEN, connect, get, head, request, request_for};
use tests::payloads::dataset_commit;

use super::{BODY_LIMIT, LoadPace, LoadPhase, LoadReport};
use crate::servers::{SECRET, ServerLife, ServerRoutes};

/// How the `Webhook-Id`s begin of deliveries that must not be accepted.
pub(crate) const INTRUDER: &str = "intruder";

/// What a stranger asks for, and the status of the response, if it is always the same. `ID` is a delivery's id.
const PATHS: [(&str, Option<u16>); 10] = [
    ("/", Some(200)),
    ("/health", None),
    ("/metrics", Some(401)),
    ("/openapi.json", Some(200)),
    ("/deliveries", None),
    ("/deliveries/ID", None),
    ("/deliveries/ID/log", None),
    ("/events", None),
    ("/webhooks", None),
    ("/nothing", Some(404)),
];

/// The texts that no stranger may see: the names of repos and the secrets, the token of the page, and errors of functions.
const PLANTED: [&str; 3] = ["planted-", PAGE_TOKEN.1, "not yet"];

/// The longest time between two requests.
const LONGEST_PAUSE: Duration = Duration::from_millis(60);

/// How many deliveries of the largest size each server gets before it is measured.
const LARGE: usize = 8;

/// How many deliveries of a megabyte each server gets while it is measured.
const MEGABYTES: usize = 100;

/// All requests but the deliveries.
#[derive(Debug)]
pub(crate) struct Traffic<'a> {
    owner: String,
    routes: &'a ServerRoutes,
    pace: &'a LoadPace,
    phase: LoadPhase,
    report: &'a LoadReport,
    /// The senders of the deliveries whose ids a stranger may know.
    senders: &'a Senders<'a>,
}

impl<'a> Traffic<'a> {
    pub(crate) fn new(
        owner: &str,
        routes: &'a ServerRoutes,
        pace: &'a LoadPace,
        phase: LoadPhase,
        report: &'a LoadReport,
        senders: &'a Senders<'a>,
    ) -> Self {
        Self { owner: owner.to_owned(), routes, pace, phase, report, senders }
    }

    /// Sends requests until the end.
    pub(crate) fn run(&self, mut random: Rng) {
        let mut stalled: Vec<TcpStream> = Vec::new();
        match self.phase {
            LoadPhase::Faults => {}
            LoadPhase::WarmUp => self.send_large_deliveries(LARGE, BODY_LIMIT),
            // More than a process may grow, and than the memory that its allocator has kept of the warm-up.
            LoadPhase::Measured => self.send_large_deliveries(MEGABYTES, 1 << 20),
        }
        while !self.pace.is_over() {
            thread::sleep(self.pace.delay(LONGEST_PAUSE, &mut random));
            let Some(life) = self.routes.choose(&mut random, |_| {}) else { continue };
            let url = &life.url;
            if random.u16(..2000) == 0 && self.phase != LoadPhase::Measured {
                self.send_large_delivery(url, BODY_LIMIT);
            }
            match random.u8(..12) {
                0..4 => self.ask_as_a_stranger(url, &mut random),
                4..7 => self.send_what_is_rejected(url, &mut random),
                7..9 => self.look_as_a_viewer(url),
                9..10 => self.scrape(&life),
                _ => stalled.extend(self.stall(url, &mut random)),
            }
            if stalled.len() > 20 {
                stalled.swap_remove(random.usize(..stalled.len()));
            }
        }
    }

    /// Takes a response; there is none if the server was killed.
    fn taken(
        &self,
        what: &'static str,
        response: io::Result<ClientResponse>,
    ) -> Option<ClientResponse> {
        match response {
            Ok(response) => {
                self.report.count(what);
                Some(response)
            }
            Err(error) => {
                if self.phase.is_calm() && !self.pace.is_over() {
                    self.report.fault(format!("no response: {what}: {error}"));
                }
                None
            }
        }
    }

    fn ask_as_a_stranger(&self, url: &str, random: &mut Rng) {
        let (path, expected) = PATHS[random.usize(..PATHS.len())];
        let id = self.senders.one_of_the_newest(random).unwrap_or_default();
        let first = format!("GET {}", path.replace("ID", &id));
        let link = {
            let links = self.routes.links.read().unwrap();
            let is_chosen = random.u8(..4) == 0 && !links.is_empty();
            is_chosen.then(|| links[random.usize(..links.len())].clone())
        };
        let response = match &link {
            None if path == "/events" => listen(url, &first),
            None => self.taken("stranger", request(url, &first, &[], "")),
            // The link may be closed.
            Some(LinkRoute { share_server, host }) => {
                let response = request_for(host, share_server, &first, &[], "").ok();
                response.inspect(|_| self.report.count("stranger through a link"))
            }
        };
        let Some(response) = response else { return };
        for planted in PLANTED {
            if response.body.contains(planted) || response.head.contains(planted) {
                self.report.fault(format!("a stranger saw {planted:?} at {path}"));
            }
        }
        let is_expected = |status| [status, 503].contains(&response.status);
        if !expected.is_none_or(is_expected) && link.is_none() {
            self.report.fault(format!("a stranger got {} at {path}", response.status));
        }
    }

    fn scrape(&self, life: &ServerLife) {
        match life.scrape() {
            Ok(metrics) => {
                self.report.count("scrape of the metrics");
                let oldest: Option<f64> = metrics.lines().find_map(|line| {
                    line.strip_prefix("webhooks_background_oldest_due_seconds ")?.parse().ok()
                });
                // Not while the store is away.
                self.report.oldest_due.lock().unwrap().extend(oldest);
            }
            Err(error) if self.phase.is_calm() => {
                self.report.fault(format!("no metrics: {error}"));
            }
            Err(_) => {}
        }
    }

    fn send_what_is_rejected(&self, url: &str, random: &mut Rng) {
        let id = format!("Webhook-Id: {INTRUDER}-{}", random.u64(..));
        let secret = format!("X-Webhook-Secret: {SECRET}");
        let json = "Content-Type: application/json";
        let huge;
        let (what, expected, headers, body) = match random.u8(..8) {
            0..3 => ("wrong secret", 403, vec![&*id, json, "X-Webhook-Secret: wrong"], "{}"),
            3..5 => ("no secret", 401, vec![&*id, json], "{}"),
            5..7 => ("malformed", 422, vec![&*id, json, &*secret], "{\"event\":"),
            _ => {
                huge = "x".repeat(11 << 20);
                ("huge", 413, vec![&*id, json, &*secret], huge.as_str())
            }
        };
        let response = request(url, "POST /webhooks/payload", &headers, body);
        // The rejection of a huge body may be overtaken by the end of the connection.
        let response = if what == "huge" { response.ok() } else { self.taken(what, response) };
        if let Some(response) = response
            && ![expected, 503].contains(&response.status)
        {
            self.report.fault(format!("{what}: {}", response.status));
        }
    }

    /// Sends each server this many deliveries of this length.
    fn send_large_deliveries(&self, count: usize, length: usize) {
        let lives = self.routes.lives.read().unwrap().clone();
        for life in lives.iter().cycle().take(count * lives.len()) {
            self.send_large_delivery(&life.url, length);
        }
    }

    /// Sends a delivery of this length.
    fn send_large_delivery(&self, url: &str, length: usize) {
        let mut body = dataset_commit();
        body["repo"]["name"] = json!(self.owner);
        let body = body.to_string();
        let padding = "x".repeat(length - body.len() - 13);
        let body = format!("{},\"padding\":\"{padding}\"}}", &body[..body.len() - 1]);
        let secret = format!("X-Webhook-Secret: {SECRET}");
        let headers = ["Content-Type: application/json", &secret];
        let response = request(url, "POST /webhooks/logs", &headers, &body);
        let response = self.taken("large delivery", response);
        if let Some(response) = response
            && ![202, 503].contains(&response.status)
        {
            self.report.fault(format!("large delivery: {response:?}"));
        }
    }

    fn look_as_a_viewer(&self, url: &str) {
        let Some(opened) = self.taken("viewer", get(url, &format!("/?token={}", PAGE_TOKEN.1)))
        else {
            return;
        };
        let Some(cookie) = opened.header("set-cookie").and_then(|it| it.split(';').next()) else {
            return self.report.fault(format!("a viewer has no cookie: {}", opened.status));
        };
        let cookie = format!("Cookie: {cookie}");
        let page = self.taken("viewer", request(url, "GET /", &[&cookie], ""));
        if page.is_some_and(|page| page.status != 200) {
            self.report.fault("a viewer doesn't see the page".to_owned());
        }
        if let Ok(mut events) = connect(url) {
            let _ = events.write_all(head("GET /events", &[&cookie]).as_bytes());
            let _ = events.set_read_timeout(Some(Duration::from_millis(50)));
            let _ = events.read(&mut [0; 256]);
        }
    }

    /// A client that doesn't read its response, or doesn't send its request to its end. It stays for a while.
    fn stall(&self, url: &str, random: &mut Rng) -> Option<TcpStream> {
        let mut stream = connect(url).ok()?;
        let text = match random.u8(..3) {
            0 => head("GET /openapi.json", &[]).repeat(20),
            1 => "POST /webhooks/payload HTTP/1.1\r\nHost: lo".to_owned(),
            _ => {
                head(
                    "POST /webhooks/payload",
                    &[
                        &format!("X-Webhook-Secret: {SECRET}"),
                        "Content-Type: application/json",
                        "Content-Length: 1000",
                    ],
                ) + "{\"event\":"
            }
        };
        stream.set_write_timeout(Some(Duration::from_millis(200))).ok()?;
        stream.write_all(text.as_bytes()).ok()?;
        self.report.count("stalled");
        Some(stream)
    }
}

/// Reads what an event stream brings at its beginning.
fn listen(url: &str, first: &str) -> Option<ClientResponse> {
    let mut stream = connect(url).ok()?;
    stream.write_all(head(first, &[]).as_bytes()).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    let mut bytes = Vec::new();
    // It ends with the time, or when it brings that much.
    let _ = stream.take(16_384).read_to_end(&mut bytes);
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Some(ClientResponse { status: 0, head: String::new(), body })
}
