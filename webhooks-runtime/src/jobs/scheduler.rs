//! Decides what is run when: claims deliveries while there is room for them, starts them, and settles
//! what became of them. Everything that has ended meanwhile is settled in one step with the next claims.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::AbortHandle;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::run::{Ended, Function};
use super::state::{End, Next};
use super::store::{Claimed, GRACE, Owner, Settlement, Store, Want};
use crate::endpoint::call::DELIVERY;

/// How often the store is looked at though nothing says that there is something new: another process
/// may have queued something, or made room for it.
const LOOK: Duration = Duration::from_secs(1);

/// For how long deliveries that arrive go before those that are to be run, when there are many.
const YIELD: Duration = Duration::from_millis(20);

/// How many make many, at once and each moment anew.
const MANY: usize = 16;
const MOMENT: Duration = Duration::from_millis(1);

/// How soon a store that failed is asked again, at first and at the latest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How soon an overdue attempt is reported again. The time doubles from the timeout itself, within these
/// bounds.
const REMINDER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10 * 60));

/// How long a function that was stopped has to let go.
const LET_GO: Duration = Duration::from_secs(1);

/// Which endpoints may have something to do.
#[derive(Debug)]
pub(super) struct Hints {
    given: Vec<AtomicBool>,
    news: Notify,
    /// When many deliveries were last kept at once.
    many: Mutex<Option<Instant>>,
}

impl Hints {
    pub(super) fn new(endpoints: usize) -> Self {
        let given = (0..endpoints).map(|_| AtomicBool::new(true)).collect();
        Self { given, news: Notify::new(), many: Mutex::new(None) }
    }

    pub(super) fn give(&self, endpoint: usize) {
        if !self.given[endpoint].swap(true, Ordering::Relaxed) {
            self.news.notify_one();
        }
    }

    pub(super) fn give_all(&self) {
        for given in &self.given {
            given.store(true, Ordering::Relaxed);
        }
        self.news.notify_one();
    }

    /// Notes how many deliveries were kept at once.
    pub(super) fn kept(&self, count: usize) {
        if count >= MANY {
            *self.many.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    fn many_arrive(&self) -> bool {
        let many = self.many.lock().unwrap_or_else(PoisonError::into_inner);
        many.is_some_and(|many| many.elapsed() < MOMENT)
    }

    /// Waits while many deliveries arrive, until then at the latest: those who wait for an answer go
    /// before those who have one.
    async fn let_many_arrive(&self, latest: Instant) {
        while Instant::now() < latest && self.many_arrive() {
            sleep(MOMENT).await;
        }
    }

    fn take(&self, endpoint: usize) -> bool {
        self.given[endpoint].swap(false, Ordering::Relaxed)
    }
}

/// What the scheduler is told from outside.
pub(super) enum Order {
    /// The owner was taken for dead, and is another from now on.
    Lost(Owner),
    /// Claim nothing more, let what runs end by then, release the rest, and report it.
    Stop(Instant, oneshot::Sender<()>),
}

/// A delivery that is being run.
struct Running {
    endpoint: usize,
    attempt: u32,
    /// How often it was released before.
    releases: u32,
    webhook_id: Option<String>,
    stop: AbortHandle,
    began: Instant,
    /// When it is reported as overdue, and how long after that again.
    reminder: (Instant, Duration),
    /// Whether its owner is still the present one.
    is_mine: bool,
    /// How often this replica had been cut off from its store when the attempt began.
    cut_off_before: u64,
}

/// What there is to do.
pub(super) struct Scheduler {
    pub(super) store: Arc<dyn Store>,
    pub(super) functions: Vec<Function>,
    pub(super) hints: Arc<Hints>,
    pub(super) workers: Handle,
    pub(super) owner: Owner,
    /// Changes with each step that changed a delivery.
    pub(super) changes: watch::Sender<u64>,
    /// Changes when this replica is cut off from its store, which stops what it runs.
    pub(super) cut_off: watch::Sender<u64>,
    /// How many attempts go on after their timeout.
    pub(super) overdue: Arc<AtomicUsize>,
    running: HashMap<(Uuid, i64), Running>,
    per_endpoint: Vec<u32>,
    /// What has ended, until the store knows.
    settlements: Vec<Settlement>,
    ended: mpsc::UnboundedReceiver<Ended>,
    told: mpsc::UnboundedSender<Ended>,
    /// How many processes run deliveries. Each claims its share of an endpoint's concurrency at once, and
    /// what others leave of theirs a little later.
    owners: u32,
    /// When a store that failed is asked again, and how long after the last time that is.
    pause: Option<(Instant, Duration)>,
    has_begun: bool,
}

impl Scheduler {
    pub(super) fn new(
        store: Arc<dyn Store>,
        functions: Vec<Function>,
        hints: Arc<Hints>,
        workers: Handle,
        owner: Owner,
        changes: watch::Sender<u64>,
    ) -> Self {
        let (told, ended) = mpsc::unbounded_channel();
        let per_endpoint = vec![0; functions.len()];
        Self {
            store,
            functions,
            hints,
            workers,
            owner,
            changes,
            cut_off: watch::Sender::new(0),
            overdue: Arc::default(),
            running: HashMap::new(),
            per_endpoint,
            settlements: Vec::new(),
            ended,
            told,
            owners: 1,
            pause: None,
            has_begun: false,
        }
    }

    /// Works until it is told to stop. Can be called again after it panicked.
    pub(super) async fn run(&mut self, orders: &mut mpsc::Receiver<Order>) {
        if std::mem::replace(&mut self.has_begun, true) {
            // What it had claimed and not yet started isn't known any more. The next heartbeat finds that
            // this owner is gone, and begins as another one, which recovers all that this one had.
            if let Err(error) = self.store.retire(self.owner).await {
                tracing::error!(%error, "background deliveries wait for their store");
            }
        }
        let hints = Arc::clone(&self.hints);
        let store = Arc::clone(&self.store);
        let (mut look, mut stepped) = (Instant::now(), Instant::now());
        let mut checked = Instant::now();
        loop {
            let mut shared = true;
            let paused = self.pause.map(|(until, _)| until);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Lost(owner)) => self.begin_anew(owner),
                    Some(Order::Stop(deadline, stopped)) => {
                        self.stop(deadline).await;
                        let _ = stopped.send(());
                        return;
                    }
                    None => return,
                },
                Some(ended) = self.ended.recv() => self.take_ended(ended),
                () = hints.news.notified(), if paused.is_none() => {}
                () = store.news(), if paused.is_none() => self.hints.give_all(),
                () = sleep_until(paused.unwrap_or(look)) => {
                    shared = false;
                    self.hints.give_all();
                    look = Instant::now() + LOOK;
                }
            }
            if checked.elapsed() >= LOOK {
                checked = Instant::now();
                self.report_overdue();
            }
            hints.let_many_arrive(stepped + YIELD).await;
            stepped = Instant::now();
            while let Ok(ended) = self.ended.try_recv() {
                self.take_ended(ended);
            }
            if self.pause.is_none_or(|(until, _)| until <= Instant::now())
                && let Some(next_due) = self.step(shared).await
            {
                look = look.min(Instant::now() + next_due);
            }
        }
    }

    /// Settles and claims, and gives when the next one is due. `shared` is whether to leave other processes
    /// their share.
    async fn step(&mut self, shared: bool) -> Option<Duration> {
        let owners = if shared { self.owners } else { 1 };
        let wants: Vec<_> = (0..self.functions.len())
            .filter_map(|endpoint| {
                let most = self.functions[endpoint].background.policy.concurrency;
                let slots = most.div_ceil(owners).saturating_sub(self.per_endpoint[endpoint]);
                let hinted = slots > 0 && self.hints.take(endpoint);
                hinted.then_some(Want { endpoint, slots })
            })
            .collect();
        if self.settlements.is_empty() && wants.is_empty() {
            return None;
        }
        let advanced = match self.store.advance(self.owner, &self.settlements, &wants).await {
            Ok(advanced) => advanced,
            Err(error) => {
                let pause = self.pause.map_or(PAUSE.0, |(_, last)| (last * 2).min(PAUSE.1));
                if self.pause.is_none() {
                    tracing::error!(%error, "background deliveries wait for their store");
                }
                self.pause = Some((Instant::now() + pause, pause));
                return None;
            }
        };
        if self.pause.take().is_some() {
            tracing::info!("the store of background deliveries is back");
            self.hints.give_all();
        }
        for id in advanced.refused {
            tracing::warn!(
                target: DELIVERY,
                delivery = %id,
                "what became of this attempt doesn't count: another process has the delivery by now"
            );
        }
        self.owners = advanced.owners.max(1);
        let changed = !self.settlements.is_empty() || !advanced.claimed.is_empty();
        self.settlements.clear();
        let mut counts: HashMap<usize, u32> = HashMap::new();
        for claimed in &advanced.claimed {
            *counts.entry(claimed.endpoint).or_default() += 1;
        }
        self.start(advanced.claimed);
        // Where all that was wanted was there, there may be more.
        for want in wants {
            if counts.get(&want.endpoint) == Some(&want.slots) {
                self.hints.given[want.endpoint].store(true, Ordering::Relaxed);
            }
        }
        if changed {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
        advanced.next_due
    }

    /// Starts attempts. A worker is woken once for all of them.
    fn start(&mut self, all: Vec<Claimed>) {
        let mut attempts = Vec::with_capacity(all.len());
        for claimed in all {
            let key = (claimed.id, claimed.fence);
            let Claimed { endpoint, attempt, releases, .. } = claimed;
            let webhook_id = claimed.webhook_id.clone();
            let (running, stop) = self.functions[endpoint].attempt(
                claimed,
                self.told.clone(),
                self.cut_off.subscribe(),
            );
            attempts.push(running);
            let began = Instant::now();
            let timeout = self.functions[endpoint].background.policy.timeout;
            self.per_endpoint[endpoint] += 1;
            let running = Running {
                endpoint,
                attempt,
                releases,
                webhook_id,
                stop,
                began,
                reminder: (began, timeout.clamp(REMINDER.0, REMINDER.1)),
                is_mine: true,
                cut_off_before: *self.cut_off.borrow(),
            };
            self.running.insert(key, running);
        }
        if !attempts.is_empty() {
            self.workers.spawn(async move {
                for attempt in attempts {
                    tokio::spawn(attempt);
                }
            });
        }
    }

    /// Counts the attempts that go on after their timeout, and reports each again and again: a thread can't
    /// be stopped, nor an `async fn` that comes to no `.await`, and each keeps its endpoint's slot.
    fn report_overdue(&mut self) {
        let mut overdue = 0;
        for ((id, _), running) in &mut self.running {
            let function = &self.functions[running.endpoint];
            let (timeout, age) = (function.background.policy.timeout, running.began.elapsed());
            if age <= timeout.saturating_add(GRACE) {
                continue;
            }
            overdue += 1;
            let (due, pause) = running.reminder;
            if due > Instant::now() {
                continue;
            }
            running.reminder = (Instant::now() + pause, (pause * 2).min(REMINDER.1));
            tracing::warn!(
                target: DELIVERY,
                endpoint = function.path,
                delivery = %id,
                webhook_id = running.webhook_id.as_deref().map(crate::payload::cut),
                attempt = running.attempt,
                ?timeout,
                ?age,
                "the function is past its timeout and still runs: it is not run again before it ends"
            );
        }
        self.overdue.store(overdue, Ordering::Relaxed);
    }

    /// Makes a settlement of an attempt that has ended, and has room for another one.
    fn take_ended(&mut self, ended: Ended) {
        let Some(running) = self.running.remove(&(ended.id, ended.fence)) else {
            return;
        };
        self.per_endpoint[running.endpoint] -= 1;
        self.hints.given[running.endpoint].store(true, Ordering::Relaxed);
        if running.is_mine {
            if self.was_cut_off(&running) && ended.end.is_some() {
                tracing::warn!(
                    target: DELIVERY,
                    endpoint = self.functions[running.endpoint].path,
                    delivery = %ended.id,
                    "the function ended while this replica was cut off from its store: the result is \
                     discarded if another replica has the delivery"
                );
            }
            let end = ended.end.unwrap_or_else(|| self.interrupted(&running));
            self.settle(ended.id, ended.fence, &running, &end);
        }
    }

    /// The end of an attempt that is interrupted because the process shuts down, or is cut off from the
    /// store. One that has had its time has failed.
    fn interrupted(&self, running: &Running) -> End {
        let timeout = self.functions[running.endpoint].background.policy.timeout;
        if self.was_cut_off(running) {
            End::Lost
        } else if running.began.elapsed() > timeout {
            End::timed_out(timeout)
        } else {
            End::Released { releases: running.releases + 1 }
        }
    }

    /// Whether this replica was cut off from its store since the attempt began.
    fn was_cut_off(&self, running: &Running) -> bool {
        *self.cut_off.borrow() != running.cut_off_before
    }

    fn settle(&mut self, id: Uuid, fence: i64, running: &Running, end: &End) {
        let function = &self.functions[running.endpoint];
        let next = end.next(&function.background.policy, running.attempt, fastrand::f64());
        let error = end.error().map(cut);
        self.settlements.push(Settlement { id, fence, next, error });
        tell(&function.path, id, running, next, end.error());
    }

    /// What it had belongs to others now.
    fn begin_anew(&mut self, owner: Owner) {
        tracing::error!(
            running = self.running.len(),
            "this process was silent for too long, so its background deliveries were given to others"
        );
        self.owner = owner;
        self.settlements.clear();
        for running in self.running.values_mut() {
            running.is_mine = false;
            running.stop.abort();
        }
        self.hints.give_all();
    }

    async fn stop(&mut self, deadline: Instant) {
        self.end_all(deadline).await;
        for running in self.running.values() {
            running.stop.abort();
        }
        // Those that were waiting for something let go at once.
        self.end_all(Instant::now() + LET_GO).await;
        let left: Vec<_> = self.running.drain().collect();
        for ((id, fence), running) in left {
            if running.is_mine {
                let end = self.interrupted(&running);
                self.settle(id, fence, &running, &end);
            }
        }
        let latest = Instant::now() + LET_GO * 5;
        while !self.settlements.is_empty() && Instant::now() < latest {
            match self.store.advance(self.owner, &self.settlements, &[]).await {
                Ok(_) => self.settlements.clear(),
                Err(error) => {
                    tracing::error!(%error, "background deliveries wait for their store");
                    sleep(PAUSE.0).await;
                }
            }
        }
        if let Err(error) = self.store.retire(self.owner).await {
            tracing::error!(%error, "the background deliveries could not be released");
        }
    }

    /// Waits until nothing runs, and settles meanwhile.
    async fn end_all(&mut self, deadline: Instant) {
        while !self.running.is_empty() {
            tokio::select! {
                Some(ended) = self.ended.recv() => self.take_ended(ended),
                () = sleep_until(deadline) => return,
            }
            while let Ok(ended) = self.ended.try_recv() {
                self.take_ended(ended);
            }
            if let Ok(advanced) = self.store.advance(self.owner, &self.settlements, &[]).await {
                self.settlements.clear();
                drop(advanced);
                self.changes.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    }
}

/// Writes the line of an attempt that has ended.
fn tell(path: &str, id: Uuid, running: &Running, next: Next, error: Option<&str>) {
    let retry_in = match next {
        Next::Retry { after } => Some(tracing::field::debug(after)),
        _ => None,
    };
    macro_rules! line {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                target: DELIVERY,
                endpoint = path,
                delivery = %id,
                webhook_id = running.webhook_id.as_deref().map(crate::payload::cut),
                attempt = running.attempt,
                state = %next.state(),
                duration = ?running.began.elapsed(),
                retry_in,
                error,
                $text
            )
        };
    }
    // The level of an event is part of its static description, so there is one for each.
    match next {
        Next::Done => line!(info, "the function succeeded"),
        Next::Retry { .. } => line!(warn, "the function failed"),
        Next::Dead => line!(error, "the function failed for the last time"),
        Next::Released => line!(info, "the server shuts down and releases the delivery"),
    }
}

/// How much of an error is kept, in bytes.
const LONGEST_ERROR: usize = 4096;

fn cut(error: &str) -> String {
    let end = (0..=LONGEST_ERROR.min(error.len())).rev().find(|end| error.is_char_boundary(*end));
    error[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    /// Has so many kept every half moment, for this long, and gives how long the others waited for them.
    async fn waited(count: usize, arriving: Duration) -> Duration {
        let hints = Hints::new(1);
        let begun = Instant::now();
        let mut waiting = pin!(hints.let_many_arrive(begun + YIELD));
        loop {
            if begun.elapsed() < arriving {
                hints.kept(count);
            }
            if waiting.as_mut().now_or_never().is_some() {
                return begun.elapsed();
            }
            advance(MOMENT / 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_many_arrive_the_others_wait_and_not_for_ever() {
        let for_ever = Duration::from_secs(60);
        assert_eq!(waited(MANY - 1, for_ever).await, Duration::ZERO);
        assert_eq!(waited(MANY, for_ever).await, YIELD);
        let a_little = waited(MANY, MOMENT * 5).await;
        assert!(a_little >= MOMENT * 5 && a_little <= MOMENT * 7, "{a_little:?}");
    }
}
