//! Two replicas that are held up, die, come back and report late, over an hour.

use std::collections::HashMap;
use std::time::Instant;

use super::*;

const POLICY: Policy = Policy::DEFAULT.concurrency(1).attempts(3).backoff(5_000, 30_000);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The time, by what has passed of it in the store and in truth.
struct Clock {
    start: Instant,
    passed: Duration,
}

impl Clock {
    fn now(&self) -> Duration {
        self.passed + self.start.elapsed()
    }
}

struct Replica {
    store: Arc<dyn Store>,
    owner: Owner,
    /// Until when it may believe in what it has.
    lease_until: Duration,
    /// What it runs, and until when.
    runs: Option<(Claimed, Duration)>,
    /// Until when it does nothing at all.
    held_up_until: Duration,
}

impl Replica {
    async fn start(store: Arc<dyn Store>, clock: &Clock) -> Self {
        let mut replica = Self {
            store,
            owner: Uuid::nil(),
            lease_until: Duration::ZERO,
            runs: None,
            held_up_until: Duration::ZERO,
        };
        replica.enlist(clock).await;
        replica
    }

    /// Begins anew, with what it ran forgotten.
    async fn enlist(&mut self, clock: &Clock) {
        self.lease_until = clock.now() + LEASE;
        self.owner = owner(&*self.store).await;
        self.runs = None;
    }
}

/// What is known of a delivery without asking the store.
#[derive(Default)]
struct Story {
    attempts: u32,
    fence: i64,
    end: Option<State>,
}

pub(crate) async fn two_replicas_over_an_hour_of_virtual_time_never_overlap(fixture: &dyn Fixture) {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let known = || vec![Known { path: "/webhooks/train".to_owned(), policy: POLICY }];
    let mut clock = Clock { start: Instant::now(), passed: Duration::ZERO };
    let mut replicas = [
        Replica::start(fixture.open(known(), NO_LIMIT.into()).await, &clock).await,
        Replica::start(fixture.open(known(), NO_LIMIT.into()).await, &clock).await,
    ];
    let mut stories: HashMap<Uuid, Story> = HashMap::new();
    let (mut late, mut refused, mut reaped, mut revived) = (0, 0, 0, 0);

    while clock.passed < HOUR {
        let time = Duration::from_millis(random.u64(500..10_000));
        replicas[0].store.pass(time).await.unwrap();
        clock.passed += time;

        if random.f64() < 0.6 {
            let id = format!("delivery {}", random.u32(..60));
            let sent = new(TRAIN, (random.f64() < 0.7).then_some(&*id), "{}");
            let to = &replicas[random.usize(..2)].store;
            match accept(&**to, sent.clone()).await {
                Accepted::Queued(id) if id == sent.id => {
                    stories.insert(id, Story::default());
                }
                Accepted::Queued(id) => {
                    let story = stories.get_mut(&id).unwrap();
                    assert_eq!(story.end.take(), Some(State::Dead));
                    story.attempts = 0;
                    revived += 1;
                }
                Accepted::Known(id, State::Done) => {
                    assert_eq!(stories[&id].end, Some(State::Done));
                }
                Accepted::Known(id, _) => assert_eq!(stories[&id].end, None),
                Accepted::BacklogFull | Accepted::StoreFull => panic!("there is no limit"),
            }
        }

        let first = random.usize(..2);
        for place in [first, 1 - first] {
            let other_lease = replicas[1 - place].lease_until;
            let other_runs = replicas[1 - place].runs.as_ref().map(|(claimed, _)| claimed.id);
            let me = &mut replicas[place];
            if clock.now() < me.held_up_until {
                continue;
            }
            if random.f64() < 0.03 {
                let until = Duration::from_secs(random.u64(10..90));
                me.held_up_until = clock.now() + until;
                continue;
            }
            if random.f64() < 0.02 {
                // It dies with what it ran, and is started again at once.
                me.enlist(&clock).await;
            }

            // What it ran is over. It reports it, though it may be too late.
            let over = me.runs.take_if(|(_, ends)| *ends <= clock.now());
            let mut settled = None;
            if let Some((claimed, _)) = over {
                let end = match random.u32(..10) {
                    0..=4 => End::Succeeded,
                    5..=7 => failed(false),
                    8 => failed(true),
                    _ => End::Released { releases: 1 },
                };
                let next = end.next(&POLICY, claimed.attempt, random.f64());
                let in_time = clock.now() + Duration::from_secs(1) < me.lease_until;
                late += u32::from(!in_time);
                if settle(&*me.store, me.owner, &claimed, next).await {
                    settled = Some((claimed, next));
                } else {
                    assert!(!in_time, "seed {seed}: refused within its lease");
                    refused += 1;
                }
            }
            if let Some((claimed, next)) = settled {
                let story = stories.get_mut(&claimed.id).unwrap();
                assert_eq!(story.fence, claimed.fence, "seed {seed}: counted with an old fence");
                story.attempts -= u32::from(next == Next::Released);
                story.end = Some(next.state()).filter(|state| *state != State::Queued);
            }

            if random.f64() < 0.9 {
                let lease_until = clock.now() + LEASE;
                if me.store.beat(me.owner, LEASE).await.unwrap() {
                    me.lease_until = lease_until;
                } else {
                    assert!(clock.now() > me.lease_until, "seed {seed}: reaped within its lease");
                    me.enlist(&clock).await;
                }
            }

            if random.f64() < 0.5 {
                let lost = std::sync::Mutex::new(Vec::new());
                let jitter = random.f64();
                let decide = |_: Option<usize>, attempt| {
                    let next = End::Lost.next(&POLICY, attempt, jitter);
                    lost.lock().unwrap().push(next);
                    next
                };
                let count = me.store.reap(me.owner, &decide).await.unwrap();
                reaped += count;
                for next in lost.into_inner().unwrap() {
                    if next == Next::Dead {
                        // The one that runs, of which there is one at most.
                        let running = |story: &&mut Story| {
                            story.end.is_none() && story.attempts == POLICY.attempts
                        };
                        let mut stories = stories.values_mut().filter(running);
                        stories.next().unwrap().end = Some(State::Dead);
                        assert!(stories.next().is_none());
                    }
                }
            }

            if me.runs.is_none() {
                let claimed = claim(&*me.store, me.owner, TRAIN, 2).await;
                assert!(claimed.len() <= 1, "seed {seed}: two at a time");
                for claimed in claimed {
                    assert!(
                        other_runs.is_none() || other_lease <= clock.now(),
                        "seed {seed}: both run, {other_runs:?} and {}",
                        claimed.id
                    );
                    let story = stories.get_mut(&claimed.id).unwrap();
                    assert_eq!(story.end, None, "seed {seed}: it had ended");
                    assert!(claimed.fence > story.fence, "seed {seed}: the fence is an old one");
                    assert_eq!(claimed.attempt, story.attempts + 1);
                    assert!(claimed.attempt <= POLICY.attempts);
                    (story.attempts, story.fence) = (claimed.attempt, claimed.fence);
                    let ends = clock.now() + Duration::from_secs(random.u64(1..40));
                    me.runs = Some((claimed, ends));
                }
            }
        }
    }

    // All this did happen.
    assert!(late > 0 && refused > 0 && reaped > 0 && revived > 0, "seed {seed}");
    let listed = replicas[0].store.list(&all()).await.unwrap();
    assert_eq!(listed.len(), stories.len(), "seed {seed}: some are lost, or there twice");
    for it in listed {
        let story = &stories[&it.id];
        let expected = story.end.map_or_else(
            || matches!(it.state, State::Queued | State::Running),
            |end| it.state == end,
        );
        assert!(expected, "seed {seed}: {it:?} should be {:?}", story.end);
    }
}
