//! Requests beside the deliveries: of strangers, of viewers, of a monitoring system, and of clients that stall.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::client::{ClientResponse, PAGE_TOKEN, connect, get, head, request};

use crate::servers::SECRET;

/// How the `Webhook-Id`s begin of deliveries that must not be accepted.
pub(crate) const INTRUDER: &str = "intruder";

/// What a stranger asks for.
const PATHS: [&str; 8] = [
    "/",
    "/health",
    "/metrics",
    "/openapi.json",
    "/deliveries",
    "/events",
    "/webhooks",
    "/nothing",
];

/// The longest time between two requests.
const LONGEST_PAUSE: Duration = Duration::from_millis(60);

/// All requests but the deliveries.
#[derive(Debug)]
pub(crate) struct Traffic<'a> {
    urls: &'a RwLock<Vec<String>>,
    stop: &'a AtomicBool,
    /// The texts that no stranger may see.
    planted: Vec<String>,
    /// Whether every request must have a response, because no server is killed.
    is_calm: bool,
    /// How many requests of each kind had a response.
    pub(crate) counts: Mutex<BTreeMap<&'static str, usize>>,
    pub(crate) faults: Mutex<Vec<String>>,
}

impl<'a> Traffic<'a> {
    pub(crate) fn new(
        owner: &str,
        urls: &'a RwLock<Vec<String>>,
        stop: &'a AtomicBool,
        is_calm: bool,
    ) -> Self {
        let planted = [owner, SECRET, PAGE_TOKEN.1, "not yet"].map(str::to_owned).into();
        let (counts, faults) = (Mutex::default(), Mutex::default());
        Self { urls, stop, planted, is_calm, counts, faults }
    }

    /// Sends requests until the end.
    pub(crate) fn run(&self, mut random: Rng) {
        let mut stalled: Vec<TcpStream> = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            thread::sleep(LONGEST_PAUSE.mul_f64(random.f64()));
            let Some(url) = self.a_server(&mut random) else { continue };
            match random.u8(..10) {
                0..3 => self.ask_as_a_stranger(&url, &mut random),
                3..6 => self.send_what_is_rejected(&url, &mut random),
                6..8 => self.look_as_a_viewer(&url),
                _ => stalled.extend(self.stall(&url, &mut random)),
            }
            if stalled.len() > 20 {
                stalled.swap_remove(random.usize(..stalled.len()));
            }
        }
    }

    fn a_server(&self, random: &mut Rng) -> Option<String> {
        let urls = self.urls.read().unwrap();
        (!urls.is_empty()).then(|| urls[random.usize(..urls.len())].clone())
    }

    fn fault(&self, text: String) {
        self.faults.lock().unwrap().push(text);
    }

    fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    /// Takes a response; there is none if the server was killed.
    fn taken(
        &self,
        what: &'static str,
        response: std::io::Result<ClientResponse>,
    ) -> Option<ClientResponse> {
        match response {
            Ok(response) => {
                self.count(what);
                Some(response)
            }
            Err(error) => {
                if self.is_calm && !self.stop.load(Ordering::Relaxed) {
                    self.fault(format!("no response: {what}: {error}"));
                }
                None
            }
        }
    }

    fn ask_as_a_stranger(&self, url: &str, random: &mut Rng) {
        let path = PATHS[random.usize(..PATHS.len())];
        let Some(response) = self.taken("stranger", get(url, path)) else { return };
        for planted in &self.planted {
            if response.body.contains(planted) || response.head.contains(planted) {
                self.fault(format!("a stranger saw {planted:?} at {path}"));
            }
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
            self.fault(format!("{what}: {}", response.status));
        }
    }

    fn look_as_a_viewer(&self, url: &str) {
        let Some(opened) = self.taken("viewer", get(url, &format!("/?token={}", PAGE_TOKEN.1)))
        else {
            return;
        };
        let Some(cookie) = opened.header("set-cookie").and_then(|it| it.split(';').next()) else {
            return self.fault(format!("a viewer has no cookie: {}", opened.status));
        };
        let cookie = format!("Cookie: {cookie}");
        let page = self.taken("viewer", request(url, "GET /", &[&cookie], ""));
        if page.is_some_and(|page| page.status != 200) {
            self.fault("a viewer doesn't see the page".to_owned());
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
        self.count("stalled");
        Some(stream)
    }
}
