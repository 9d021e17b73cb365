//! Requests to a function that runs in its request, of every outcome and size.

use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tests::client::request;

use super::{BODY_LIMIT, LoadPace, LoadPhase, LoadReport};
use crate::servers::{INLINE, SECRET, ServerLife, ServerRoutes};

/// The longest time between two requests.
const LONGEST_PAUSE: Duration = Duration::from_millis(60);

/// Sends requests to the inline function.
#[derive(Debug)]
pub(crate) struct InlineLoad<'a> {
    /// Is in each payload, so that a stranger who sees it sees a payload.
    owner: String,
    routes: &'a ServerRoutes,
    pace: &'a LoadPace,
    phase: LoadPhase,
    report: &'a LoadReport,
}

/// A request of the load, and the status that it is for.
struct InlineRequest {
    what: &'static str,
    status: u16,
    secret: Option<&'static str>,
    body: String,
}

impl<'a> InlineLoad<'a> {
    pub(crate) fn new(
        owner: &str,
        routes: &'a ServerRoutes,
        pace: &'a LoadPace,
        phase: LoadPhase,
        report: &'a LoadReport,
    ) -> Self {
        Self { owner: owner.to_owned(), routes, pace, phase, report }
    }

    /// Sends requests until the end.
    pub(crate) fn run(&self, mut random: Rng) {
        while !self.pace.is_over() {
            thread::sleep(self.pace.delay(LONGEST_PAUSE, &mut random));
            let wanted = self.next(&mut random);
            if let Some(life) = self.routes.choose(&mut random, ServerLife::begin) {
                self.send(&life, &wanted);
            }
        }
    }

    fn next(&self, random: &mut Rng) -> InlineRequest {
        let milliseconds = random.u8(..40);
        let with = |responds: &str, padding: usize| {
            let (owner, padding) = (&self.owner, "x".repeat(padding));
            format!(
                "{{\"owner\":{owner:?},\"milliseconds\":{milliseconds},\"responds\":{responds:?},\
                 \"padding\":\"{padding}\"}}"
            )
        };
        let success = with("success", 0);
        let (status, what, secret, body) = match random.u16(..1000) {
            0..600 => (200, "inline: 200", Some(SECRET), success),
            600..700 => (500, "inline: 500", Some(SECRET), with("failure", 0)),
            700..800 => (409, "inline: 409", Some(SECRET), with("conflict", 0)),
            800..880 => (422, "inline: 422", Some(SECRET), "{\"a\":".to_owned()),
            880..940 => (401, "inline: 401", None, success),
            940..996 => (403, "inline: 403", Some("wrong"), success),
            996..999 if self.phase != LoadPhase::Measured => {
                // Up to the limit, and now and then exactly to it.
                let longest = BODY_LIMIT - success.len();
                let padding = if random.bool() { longest } else { random.usize(..longest) };
                (200, "inline: 200 to a large body", Some(SECRET), with("success", padding))
            }
            996..999 => (200, "inline: 200", Some(SECRET), success),
            _ => (413, "inline: 413", Some(SECRET), with("success", BODY_LIMIT)),
        };
        InlineRequest { what, status, secret, body }
    }

    fn send(&self, life: &ServerLife, wanted: &InlineRequest) {
        let InlineRequest { what, status, secret, body } = wanted;
        let secret = secret.map(|secret| format!("X-Webhook-Secret: {secret}"));
        let headers: Vec<_> =
            std::iter::once("Content-Type: application/json").chain(secret.as_deref()).collect();
        let response = request(&life.url, &format!("POST {INLINE}"), &headers, body);
        life.finish(&response);
        match response {
            Ok(response) if response.status == *status => self.report.count(what),
            // It is about to stop.
            Ok(response) if response.status == 503 && !self.phase.is_calm() => {}
            Ok(response) => self.report.fault(format!("{what}: {response:?}")),
            // The rejection of a huge body may be overtaken by the end of the connection.
            Err(error) if self.phase.is_calm() && *status != 413 => {
                self.report.fault(format!("no response: {what}: {error}"));
            }
            Err(_) => {}
        }
    }
}
