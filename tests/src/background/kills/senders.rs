//! Sends the deliveries of several repos to each function, and sends those again that got no response, as the Hub does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::background::id_of;
use crate::client::request;
use crate::payloads::dataset_commit;

/// The functions, each with its own kind of queue.
pub const FUNCTIONS: [&str; 5] =
    ["one_by_one", "newest", "newest_only", "when_quiet", "newest_on_thread"];

const REPOS: usize = 8;

/// The longest time between two deliveries to a function.
const LONGEST_PAUSE: Duration = Duration::from_millis(30);

/// What a delivery is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A commit, which can be merged with other ones.
    Commit,
    /// A setting, which can be merged with other ones.
    Setting,
    /// An event that cannot be merged.
    Barrier,
}

/// A delivery that was accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its id, as the response has it.
    pub id: String,
    /// The endpoint's name.
    pub function: &'static str,
    /// The repo, which is its key.
    pub repo: String,
    /// What it is about.
    pub kind: Kind,
    /// What it changes and no other delivery does; empty for a barrier.
    pub change: String,
    /// When it was accepted.
    pub at: Instant,
    /// How long the request took that was accepted.
    pub took: Duration,
}

/// A repo whose events are sent.
#[derive(Debug, Default)]
pub struct Repo {
    events: u32,
    commits: u32,
}

/// Sends deliveries until it is stopped.
#[derive(Debug)]
pub struct Senders<'a> {
    owner: String,
    secret: String,
    urls: &'a RwLock<Vec<String>>,
    stop: &'a AtomicBool,
    sent: Mutex<Vec<Sent>>,
}

impl<'a> Senders<'a> {
    /// Sends to these servers, until `stop` is set. The functions run for repos of this owner.
    #[must_use]
    pub fn new(owner: &str, urls: &'a RwLock<Vec<String>>, stop: &'a AtomicBool) -> Self {
        let (owner, secret) = (owner.to_owned(), String::new());
        Self { owner, secret, urls, stop, sent: Mutex::default() }
    }

    /// Sends this secret with each delivery.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = format!("X-Webhook-Secret: {secret}");
        self
    }

    /// What was accepted so far; of each repo in order of arrival.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// The id of one of the newest deliveries.
    #[must_use]
    pub fn one_of_the_newest(&self, random: &mut Rng) -> Option<String> {
        let sent = self.sent.lock().unwrap();
        let newest = sent.len().saturating_sub(20)..sent.len();
        (!newest.is_empty()).then(|| sent[random.usize(newest)].id.clone())
    }

    /// Sends deliveries to a function until the end. Each repo's events are sent one after the other.
    pub fn send_to(&self, function: &'static str, mut random: Rng) {
        let mut repos: [Repo; REPOS] = Default::default();
        // What is sent does not depend on how often it is sent.
        let mut routes = random.fork();
        while !self.stop.load(Ordering::Relaxed) {
            let at = random.usize(..REPOS);
            let repo = format!("{}/{at}", self.owner);
            let kind = match random.u8(..10) {
                0 => Kind::Barrier,
                1 => Kind::Setting,
                _ => Kind::Commit,
            };
            let (change, body) = repos[at].next(&repo, kind, &mut random);
            let webhook_id = format!("{}-{function}-{at}-{}", self.owner, repos[at].events);
            let posted = self.post(function, &webhook_id, &body.to_string(), &mut routes);
            if let Some((id, took)) = posted {
                let at = Instant::now();
                let sent = Sent { id, function, repo, kind, change, at, took };
                self.sent.lock().unwrap().push(sent);
            }
            thread::sleep(LONGEST_PAUSE.mul_f64(random.f64()));
        }
    }

    /// Posts a delivery until it is accepted. Gives nothing if the test ends before.
    fn post(
        &self,
        function: &str,
        id: &str,
        body: &str,
        random: &mut Rng,
    ) -> Option<(String, Duration)> {
        let id = format!("Webhook-Id: {id}");
        let mut headers = vec!["Content-Type: application/json", &id];
        headers.extend((!self.secret.is_empty()).then_some(self.secret.as_str()));
        loop {
            let begin = Instant::now();
            let url = {
                let urls = self.urls.read().unwrap();
                (!urls.is_empty()).then(|| urls[random.usize(..urls.len())].clone())
            };
            let response =
                url.map(|url| request(&url, &format!("POST /webhooks/{function}"), &headers, body));
            if let Some(Ok(response)) = response {
                match response.status {
                    200 | 202 => return Some((id_of(&response), begin.elapsed())),
                    // Its store does not respond.
                    status => assert_eq!(status, 503, "{response:?}"),
                }
            }
            if self.stop.load(Ordering::Relaxed) && self.urls.read().unwrap().is_empty() {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Repo {
    /// Makes the next event, and what it changes.
    #[must_use]
    pub fn next(&mut self, repo: &str, kind: Kind, random: &mut Rng) -> (String, Value) {
        self.events += 1;
        let mut body = dataset_commit();
        body["repo"]["name"] = json!(repo);
        body["milliseconds"] = json!(random.u8(..40));
        body["failures"] = json!(if random.u8(..4) == 0 { random.u8(1..6) } else { 0 });
        let changes = body.as_object_mut().unwrap();
        changes.remove("updatedRefs");
        let change = match kind {
            Kind::Barrier => {
                body["event"] = json!({ "action": "move", "scope": "repo" });
                String::new()
            }
            Kind::Setting => {
                let setting = format!("setting-{}", self.events);
                body["event"] = json!({ "action": "update", "scope": "repo.config" });
                body["updatedConfig"] = json!({ setting.as_str(): true });
                setting
            }
            Kind::Commit => {
                let (old, new) = (self.commits.to_string(), (self.commits + 1).to_string());
                self.commits += 1;
                let tag = format!("refs/tags/{}", self.events);
                body["updatedRefs"] = json!([
                    { "ref": "refs/heads/main", "oldSha": old, "newSha": new },
                    { "ref": tag, "oldSha": null, "newSha": new },
                ]);
                tag
            }
        };
        (change, body)
    }
}
