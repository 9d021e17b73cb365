//! The schedule of faults, made from the seed alone.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The mean time between two faults: with three kills among four faults, more than 1,000 kills in an hour.
const MEAN_GAP: Duration = Duration::from_millis(1700);

/// The mean time between two failovers: after each, a standby is built anew.
const FAILOVER_GAP: Duration = Duration::from_secs(150);

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoakFault {
    Kill,
    KillEarly,
    Stop,
    Freeze,
    LogStalled,
    LogClosed,
    ShareServer,
    Clock,
    Disk,
    Network,
    Database,
    Failover,
}

impl SoakFault {
    pub(crate) const ALL: [(&str, Self); 12] = [
        ("kill", Self::Kill),
        ("kill-early", Self::KillEarly),
        ("stop", Self::Stop),
        ("freeze", Self::Freeze),
        ("log-stalled", Self::LogStalled),
        ("log-closed", Self::LogClosed),
        ("share-server", Self::ShareServer),
        ("clock", Self::Clock),
        ("disk", Self::Disk),
        ("network", Self::Network),
        ("database", Self::Database),
        ("failover", Self::Failover),
    ];

    /// Whether a store has it: a file has no network and no server of its own, and the database goes by its own clock
    /// and its own disk.
    pub(crate) fn is_for(self, is_file: bool) -> bool {
        match self {
            Self::Clock | Self::Disk => is_file,
            Self::Network | Self::Database | Self::Failover => !is_file,
            _ => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The longest time that it lasts, in seconds; 0 for a fault of one moment.
    fn longest(self, form: u8) -> f64 {
        match (self, form) {
            // One freeze in four lasts up to half a minute. All other faults are short.
            (Self::Freeze, 0) => 30.0,
            (Self::Freeze | Self::Network | Self::Disk | Self::LogStalled, _) => 3.0,
            (Self::Database | Self::Failover | Self::ShareServer | Self::LogClosed, _) => 1.0,
            (Self::KillEarly, _) => 0.1,
            (Self::Kill | Self::Stop | Self::Clock, _) => 0.0,
        }
    }
}

/// A fault, when it happens, and to which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultStep {
    pub(crate) at: Duration,
    pub(crate) kind: SoakFault,
    pub(crate) server: usize,
    /// How long it lasts; zero for a fault of one moment.
    pub(crate) lasts: Duration,
    /// A number that chooses among the forms of the fault, such as the offset of a clock.
    pub(crate) form: u8,
}

impl FaultStep {
    /// Chooses what the time and the kind leave open. It takes the same numbers for each kind, so that leaving out a
    /// fault leaves the others as they are.
    fn new(at: Duration, kind: SoakFault, is_file: bool, random: &mut Rng) -> Self {
        let (server, part, form) = (random.usize(..2), random.f64(), random.u8(..4));
        let server = if is_file { 0 } else { server };
        let lasts = Duration::from_secs_f64(kind.longest(form) * part);
        Self { at, kind, server, lasts, form }
    }
}

impl fmt::Display for FaultStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, name, lasts) = (self.at.as_secs_f64(), self.kind.name(), self.lasts.as_secs_f64());
        write!(
            formatter,
            "{at:8.2} s  {name:12} server {}  {lasts:5.2} s  form {}",
            self.server, self.form
        )
    }
}

/// Makes the schedule of a store.
pub(crate) fn schedule(
    random: &mut Rng,
    kinds: &[SoakFault],
    is_file: bool,
    time: Duration,
) -> Vec<FaultStep> {
    let kinds: Vec<_> = kinds.iter().copied().filter(|kind| kind.is_for(is_file)).collect();
    let mut of_failovers = random.fork();
    let mut steps = frequent(random, &kinds, is_file, time);
    if kinds.contains(&SoakFault::Failover) {
        steps.extend(failovers(&mut of_failovers, time));
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// Kills, and one other fault for three kills.
fn frequent(
    random: &mut Rng,
    kinds: &[SoakFault],
    is_file: bool,
    time: Duration,
) -> Vec<FaultStep> {
    let (mut steps, mut at) = (Vec::new(), Duration::ZERO);
    let kills = kinds.contains(&SoakFault::Kill);
    let others = |kind: &SoakFault| !matches!(kind, SoakFault::Kill | SoakFault::Failover);
    let others: Vec<_> = kinds.iter().copied().filter(others).collect();
    loop {
        at += MEAN_GAP.mul_f64(2.0 * random.f64());
        let (share, other) = (random.u8(..4), random.usize(..64));
        if at >= time {
            return steps;
        }
        let kind = match others.get(other % others.len().max(1)) {
            Some(kind) if share == 0 || !kills => *kind,
            _ if kills => SoakFault::Kill,
            _ => return steps,
        };
        steps.push(FaultStep::new(at, kind, is_file, random));
    }
}

/// At least one failover, however short the time is.
fn failovers(random: &mut Rng, time: Duration) -> Vec<FaultStep> {
    let gap = FAILOVER_GAP.min(time / 2);
    let (mut steps, mut at) = (Vec::new(), Duration::ZERO);
    loop {
        at += gap.mul_f64(0.5 + random.f64());
        if at >= time {
            return steps;
        }
        steps.push(FaultStep::new(at, SoakFault::Failover, false, random));
    }
}
