//! Everything the Hub knows, and the lock around it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::account::{AccessToken, Scope, TestAccount};
use super::build::SpaceBuilds;
use super::delivery::{self, DeliveryPolicy};
use super::job::TestJob;
use super::log::RequestLog;
use super::repo::{Repo, RepoKey};
use super::trouble::Troubles;
use super::webhook::TestWebhook;

/// When the Hub was founded. Nothing in it has a real time, so that two runs of a test are equal.
pub(super) const START: &str = "2026-01-01T00:00:00.000Z";

/// The state of a Hub.
#[derive(Debug, Default)]
pub(super) struct HubState {
    /// The Hub's own URL.
    pub(super) url: String,
    /// The origin that has large files.
    pub(super) files_url: String,
    pub(super) accounts: Vec<TestAccount>,
    pub(super) tokens: Vec<AccessToken>,
    pub(super) repos: BTreeMap<RepoKey, Repo>,
    pub(super) webhooks: Vec<TestWebhook>,
    pub(super) jobs: Vec<TestJob>,
    pub(super) log: RequestLog,
    pub(super) troubles: Troubles,
    pub(super) policy: DeliveryPolicy,
    pub(super) builds: SpaceBuilds,
    /// How far the clock of the responses is ahead.
    pub(super) clock_ahead: Duration,
    /// Hosts that deliveries reach at an address of this machine.
    pub(super) hosts: HashMap<String, SocketAddr>,
    /// Deliveries that were made since the lock was taken, by their webhook and their place in its log.
    pub(super) outbox: Vec<(String, String)>,
    /// How many deliveries are being sent.
    pub(super) sending: usize,
    pub(super) stopped: bool,
    count: u64,
}

impl HubState {
    /// Returns an id that was not given before.
    pub(super) fn new_id(&mut self) -> String {
        self.count += 1;
        format!("65d0{:020x}", self.count)
    }

    /// Returns a time that is later than all before.
    pub(super) fn now(&mut self) -> String {
        self.count += 1;
        let (hours, minutes, seconds) =
            (self.count / 3600 % 24, self.count / 60 % 60, self.count % 60);
        format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.000Z")
    }

    /// Returns an account, which is made when it is new.
    pub(super) fn account(&mut self, name: &str) -> TestAccount {
        if let Some(account) = self.accounts.iter().find(|account| account.name == name) {
            return account.clone();
        }
        let token = self.new_token(name, &Scope::ALL);
        let account =
            TestAccount { id: self.new_id(), name: name.to_owned(), orgs: Some(Vec::new()), token };
        self.accounts.push(account.clone());
        account
    }

    /// Makes a token for an account.
    pub(super) fn new_token(&mut self, account: &str, scopes: &[Scope]) -> String {
        self.count += 1;
        let text = format!("hf_test{:030}", self.count);
        let token = AccessToken {
            text: text.clone(),
            account: account.to_owned(),
            scopes: scopes.to_vec(),
        };
        self.tokens.push(token);
        text
    }

    /// Returns the id of an account.
    pub(super) fn id_of(&mut self, account: &str) -> String {
        self.account(account).id
    }
}

/// The state behind its lock.
#[derive(Debug, Default)]
pub(super) struct SharedHub {
    state: Mutex<HubState>,
    changed: Condvar,
}

impl SharedHub {
    /// Changes the state, then sends the deliveries that this caused.
    pub(super) fn with<T>(self: &Arc<Self>, change: impl FnOnce(&mut HubState) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let outbox = std::mem::take(&mut state.outbox);
        state.sending += outbox.len();
        drop(state);
        for (webhook, log_id) in outbox {
            let shared = Arc::clone(self);
            thread::spawn(move || delivery::send(&shared, &webhook, &log_id));
        }
        self.changed.notify_all();
        result
    }

    /// Waits until `check` finds something; `None` when it does not in time.
    pub(super) fn wait<T>(&self, mut check: impl FnMut(&HubState) -> Option<T>) -> Option<T> {
        let deadline = std::time::Instant::now() + crate::client::PATIENCE;
        let mut state = self.lock();
        loop {
            let found = check(&state);
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if found.is_some() || left.is_zero() {
                return found;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits between two attempts, or until the Hub stops.
    pub(super) fn pause(&self, duration: Duration) {
        let stopped = |state: &mut HubState| !state.stopped;
        let _ = self.changed.wait_timeout_while(self.lock(), duration, stopped);
    }

    fn lock(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
