//! Sends the deliveries of several repos to each function, and sends those again that got no response, as the Hub does.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::background::id_of;
use crate::client::{ClientResponse, request_for};
use crate::payloads::dataset_commit;

/// The functions, each with its own kind of queue.
pub const FUNCTIONS: [&str; 5] =
    ["one_by_one", "newest", "newest_only", "when_quiet", "newest_on_thread"];

const REPOS: usize = 8;

/// The longest time between two deliveries to a function, unless another one is chosen.
const LONGEST_PAUSE: Duration = Duration::from_millis(30);

/// How long it may take at the end until the last delivery to a function is accepted.
const LAST_ACCEPT: Duration = Duration::from_secs(120);

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

/// A way to a server through a share link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRoute {
    /// The URL of the share server.
    pub share_server: String,
    /// The link's host.
    pub host: String,
}

/// Sends deliveries until it is stopped.
#[derive(Debug)]
pub struct Senders<'a> {
    owner: String,
    secret: String,
    urls: &'a RwLock<Vec<String>>,
    links: Option<&'a RwLock<Vec<LinkRoute>>>,
    stop: &'a AtomicBool,
    longest_pause: Duration,
    sent: Mutex<Vec<Sent>>,
    /// How many requests were accepted that went through a link, and how many were not accepted.
    through_links: AtomicUsize,
    not_accepted: AtomicUsize,
}

impl<'a> Senders<'a> {
    /// Sends to these servers, until `stop` is set. The functions run for repos of this owner.
    #[must_use]
    pub fn new(owner: &str, urls: &'a RwLock<Vec<String>>, stop: &'a AtomicBool) -> Self {
        Self {
            owner: owner.to_owned(),
            secret: String::new(),
            urls,
            links: None,
            stop,
            longest_pause: LONGEST_PAUSE,
            sent: Mutex::default(),
            through_links: AtomicUsize::default(),
            not_accepted: AtomicUsize::default(),
        }
    }

    /// Sends a part of the requests through these links.
    #[must_use]
    pub fn with_links(mut self, links: &'a RwLock<Vec<LinkRoute>>) -> Self {
        self.links = Some(links);
        self
    }

    /// Sends this secret with each delivery.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = format!("X-Webhook-Secret: {secret}");
        self
    }

    /// Makes the longest time between two deliveries to a function this many times as long.
    #[must_use]
    pub fn with_delay_factor(mut self, factor: f64) -> Self {
        self.longest_pause = LONGEST_PAUSE.mul_f64(factor);
        self
    }

    /// What was accepted so far; of each repo in order of arrival.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// How many of them came through a link.
    #[must_use]
    pub fn through_links(&self) -> usize {
        self.through_links.load(Ordering::Relaxed)
    }

    /// How many requests were not accepted: they had no response, or one that asks for a retry.
    #[must_use]
    pub fn not_accepted(&self) -> usize {
        self.not_accepted.load(Ordering::Relaxed)
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
            thread::sleep(self.longest_pause.mul_f64(random.f64()));
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
        let mut stopped = None;
        loop {
            let begin = Instant::now();
            if let Some((response, is_link)) = self.post_once(function, &headers, body, random) {
                match response.map(|response| (response.status, response)) {
                    Ok((200 | 202, response)) => {
                        self.through_links.fetch_add(usize::from(is_link), Ordering::Relaxed);
                        return Some((id_of(&response), begin.elapsed()));
                    }
                    // Its store does not respond, or the link is not open.
                    Ok((503, _)) => {}
                    Ok((404, response)) => assert!(is_link, "{response:?}"),
                    Ok((_, response)) => assert_eq!(response.status, 202, "{response:?}"),
                    Err(_) => {}
                }
                self.not_accepted.fetch_add(1, Ordering::Relaxed);
            }
            if self.stop.load(Ordering::Relaxed) {
                if self.urls.read().unwrap().is_empty() {
                    return None;
                }
                let waits = stopped.get_or_insert_with(Instant::now).elapsed();
                assert!(waits < LAST_ACCEPT, "no server accepts the last delivery to {function}");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Posts a delivery to one of the servers, if there is any. Whether it went through a link.
    fn post_once(
        &self,
        function: &str,
        headers: &[&str],
        body: &str,
        random: &mut Rng,
    ) -> Option<(io::Result<ClientResponse>, bool)> {
        let one_of = |count: usize, random: &mut Rng| (count > 0).then(|| random.usize(..count));
        let link = self.links.filter(|_| random.u8(..8) == 0).and_then(|links| {
            let links = links.read().unwrap();
            one_of(links.len(), random).map(|at| links[at].clone())
        });
        let first = format!("POST /webhooks/{function}");
        if let Some(LinkRoute { share_server, host }) = link {
            return Some((request_for(&host, &share_server, &first, headers, body), true));
        }
        let url = {
            let urls = self.urls.read().unwrap();
            one_of(urls.len(), random).map(|at| urls[at].clone())
        };
        Some((request_for("localhost", &url?, &first, headers, body), false))
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
