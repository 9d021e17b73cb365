//! Simulates an hour of two replicas that stall, crash, restart and report late, and checks that they never
//! run the same delivery at the same time.

use std::collections::HashMap;

use super::*;

const POLICY: Policy = Policy::DEFAULT.concurrency(1).attempts(3).backoff(5_000, 30_000);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The store's time: what the test has skipped, plus real time.
struct VirtualClock {
    start: Instant,
    skipped: Duration,
}

impl VirtualClock {
    fn now(&self) -> Duration {
        self.skipped + self.start.elapsed()
    }
}

struct Replica {
    store: Arc<dyn Store>,
    replica: ReplicaId,
    /// Until when it may rely on its lease.
    lease_until: Duration,
    /// The delivery that it runs, and when that ends.
    runs: Option<(Claimed, Duration)>,
    /// Until when it is stalled.
    stalled_until: Duration,
}

impl Replica {
    async fn start(store: Arc<dyn Store>, clock: &VirtualClock) -> Self {
        let mut replica = Self {
            store,
            replica: Uuid::nil(),
            lease_until: Duration::ZERO,
            runs: None,
            stalled_until: Duration::ZERO,
        };
        replica.register(clock).await;
        replica
    }

    /// Registers under a new id, and forgets what it ran.
    async fn register(&mut self, clock: &VirtualClock) {
        self.lease_until = clock.now() + LEASE;
        self.replica = replica(&*self.store).await;
        self.runs = None;
    }
}

/// What the simulation expects of a delivery.
#[derive(Default)]
struct ExpectedDelivery {
    attempts: u32,
    fencing_token: i64,
    end: Option<State>,
}

pub(crate) async fn two_replicas_never_run_a_delivery_at_the_same_time(fixture: &dyn Fixture) {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let endpoints = || vec![EndpointPolicy { path: "/webhooks/train".to_owned(), policy: POLICY }];
    let mut clock = VirtualClock { start: Instant::now(), skipped: Duration::ZERO };
    let mut replicas = [
        Replica::start(fixture.open(endpoints(), NO_LIMIT.into()).await, &clock).await,
        Replica::start(fixture.open(endpoints(), NO_LIMIT.into()).await, &clock).await,
    ];
    let mut expected: HashMap<Uuid, ExpectedDelivery> = HashMap::new();
    let (mut late, mut discarded, mut recovered, mut revived) = (0, 0, 0, 0);

    while clock.skipped < HOUR {
        let time = Duration::from_millis(random.u64(500..10_000));
        replicas[0].store.advance_clock(time).await.unwrap();
        clock.skipped += time;

        if random.f64() < 0.6 {
            let id = format!("delivery {}", random.u32(..60));
            let sent = new(TRAIN, (random.f64() < 0.7).then_some(&*id), "{}");
            let to = &replicas[random.usize(..2)].store;
            match accept(&**to, sent.clone()).await {
                Accepted::Queued(id) if id == sent.id => {
                    expected.insert(id, ExpectedDelivery::default());
                }
                Accepted::Queued(id) => {
                    let delivery = expected.get_mut(&id).unwrap();
                    assert_eq!(delivery.end.take(), Some(State::Dead));
                    delivery.attempts = 0;
                    revived += 1;
                }
                Accepted::Duplicate(id, State::Done) => {
                    assert_eq!(expected[&id].end, Some(State::Done));
                }
                Accepted::Duplicate(id, _) => assert_eq!(expected[&id].end, None),
                Accepted::BacklogFull | Accepted::StoreFull => panic!("there is no limit"),
            }
        }

        let first = random.usize(..2);
        for index in [first, 1 - first] {
            let other_lease = replicas[1 - index].lease_until;
            let other_runs = replicas[1 - index].runs.as_ref().map(|(claimed, _)| claimed.id);
            let me = &mut replicas[index];
            if clock.now() < me.stalled_until {
                continue;
            }
            if random.f64() < 0.03 {
                let until = Duration::from_secs(random.u64(10..90));
                me.stalled_until = clock.now() + until;
                continue;
            }
            if random.f64() < 0.02 {
                // It crashes and restarts at once.
                me.register(&clock).await;
            }

            // Its attempt has ended. It reports the result, perhaps too late.
            let over = me.runs.take_if(|(_, ends)| *ends <= clock.now());
            let mut completions = None;
            if let Some((claimed, _)) = over {
                let end = match random.u32(..10) {
                    0..=4 => AttemptOutcome::Succeeded,
                    5..=7 => failed(false),
                    8 => failed(true),
                    _ => AttemptOutcome::Released { releases: 1 },
                };
                let next = end.transition(&POLICY, claimed.attempt, random.f64());
                let in_time = clock.now() + Duration::from_secs(1) < me.lease_until;
                late += u32::from(!in_time);
                if complete(&*me.store, me.replica, &claimed, next).await {
                    completions = Some((claimed, next));
                } else {
                    assert!(!in_time, "seed {seed}: discarded within its lease");
                    discarded += 1;
                }
            }
            if let Some((claimed, next)) = completions {
                let delivery = expected.get_mut(&claimed.id).unwrap();
                assert_eq!(
                    delivery.fencing_token, claimed.fencing_token,
                    "seed {seed}: written with a stale fencing token"
                );
                delivery.attempts -= u32::from(next == Transition::Released);
                delivery.end = Some(next.state()).filter(|state| *state != State::Queued);
            }

            if random.f64() < 0.9 {
                let lease_until = clock.now() + LEASE;
                if me.store.heartbeat(me.replica, LEASE).await.unwrap().is_registered {
                    me.lease_until = lease_until;
                } else {
                    assert!(
                        clock.now() > me.lease_until,
                        "seed {seed}: recovered within its lease"
                    );
                    me.register(&clock).await;
                }
            }

            if random.f64() < 0.5 {
                let lost = std::sync::Mutex::new(Vec::new());
                let jitter = random.f64();
                let decide = |_: Option<usize>, attempt| {
                    let next = AttemptOutcome::Lost.transition(&POLICY, attempt, jitter);
                    lost.lock().unwrap().push(next);
                    next
                };
                let report = me.store.recover_lost(me.replica, &decide).await.unwrap();
                recovered += report.recovered;
                let mut dead = Vec::new();
                for next in lost.into_inner().unwrap() {
                    if next == Transition::Dead {
                        // The lost one, of which there is at most one.
                        let running = |(_, delivery): &(&Uuid, &mut ExpectedDelivery)| {
                            delivery.end.is_none() && delivery.attempts == POLICY.attempts
                        };
                        let mut expected = expected.iter_mut().filter(running);
                        let (id, delivery) = expected.next().unwrap();
                        delivery.end = Some(State::Dead);
                        assert!(expected.next().is_none());
                        dead.push(*id);
                    }
                }
                assert_eq!(report.dead, dead, "seed {seed}: reported as dead");
            }

            if me.runs.is_none() {
                let claimed = claim(&*me.store, me.replica, TRAIN, 2).await;
                assert!(claimed.len() <= 1, "seed {seed}: two at the same time");
                for claimed in claimed {
                    assert!(
                        other_runs.is_none() || other_lease <= clock.now(),
                        "seed {seed}: both run, {other_runs:?} and {}",
                        claimed.id
                    );
                    let delivery = expected.get_mut(&claimed.id).unwrap();
                    assert_eq!(delivery.end, None, "seed {seed}: it had ended");
                    assert!(
                        claimed.fencing_token > delivery.fencing_token,
                        "seed {seed}: the fencing token was reused"
                    );
                    assert_eq!(claimed.attempt, delivery.attempts + 1);
                    assert!(claimed.attempt <= POLICY.attempts);
                    (delivery.attempts, delivery.fencing_token) =
                        (claimed.attempt, claimed.fencing_token);
                    let ends = clock.now() + Duration::from_secs(random.u64(1..40));
                    me.runs = Some((claimed, ends));
                }
            }
        }
    }

    // Every case has occurred.
    assert!(late > 0 && discarded > 0 && recovered > 0 && revived > 0, "seed {seed}");
    let listed = replicas[0].store.list(&all()).await.unwrap();
    assert_eq!(listed.len(), expected.len(), "seed {seed}: deliveries are lost or duplicated");
    for it in listed {
        let delivery = &expected[&it.id];
        let expected = delivery.end.map_or_else(
            || matches!(it.state, State::Queued | State::Running),
            |end| it.state == end,
        );
        assert!(expected, "seed {seed}: {it:?} should be {:?}", delivery.end);
    }
}
