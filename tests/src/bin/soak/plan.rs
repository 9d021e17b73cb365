//! The schedule of faults, made from the seed alone.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The mean time between two faults: with three kills among four faults, more than 1,000 kills in an hour.
const MEAN_GAP: Duration = Duration::from_millis(1700);

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoakFault {
    Kill,
    KillEarly,
    Stop,
    Freeze,
    Clock,
    Disk,
    Network,
    Database,
}

impl SoakFault {
    pub(crate) const ALL: [(&str, Self); 8] = [
        ("kill", Self::Kill),
        ("kill-early", Self::KillEarly),
        ("stop", Self::Stop),
        ("freeze", Self::Freeze),
        ("clock", Self::Clock),
        ("disk", Self::Disk),
        ("network", Self::Network),
        ("database", Self::Database),
    ];

    /// Whether a store has it: a file has no network and no server of its own, and the database goes by its own clock
    /// and its own disk.
    pub(crate) fn is_for(self, is_file: bool) -> bool {
        match self {
            Self::Kill | Self::KillEarly | Self::Stop | Self::Freeze => true,
            Self::Clock | Self::Disk => is_file,
            Self::Network | Self::Database => !is_file,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
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

impl fmt::Display for FaultStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, name, lasts) = (self.at.as_secs_f64(), self.kind.name(), self.lasts.as_secs_f64());
        write!(
            formatter,
            "{at:8.2} s  {name:10} server {}  {lasts:5.2} s  form {}",
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
    let others: Vec<SoakFault> = kinds
        .iter()
        .copied()
        .filter(|kind| *kind != SoakFault::Kill && kind.is_for(is_file))
        .collect();
    let kills = kinds.contains(&SoakFault::Kill);
    let mut at = Duration::ZERO;
    let mut steps = Vec::new();
    loop {
        at += MEAN_GAP.mul_f64(2.0 * random.f64());
        // The same numbers for each step, whatever it is, so that leaving out a fault leaves the others as they are.
        let (share, other, server, part, form) =
            (random.u8(..4), random.usize(..64), random.usize(..2), random.f64(), random.u8(..4));
        if at >= time {
            return steps;
        }
        let kind = match others.get(other % others.len().max(1)) {
            Some(kind) if share == 0 || !kills => *kind,
            _ if kills => SoakFault::Kill,
            _ => return steps,
        };
        // One freeze in four lasts up to half a minute. All other faults are short.
        let longest = match (kind, form) {
            (SoakFault::Freeze, 0) => 30.0,
            (SoakFault::Freeze | SoakFault::Network | SoakFault::Disk, _) => 3.0,
            (SoakFault::KillEarly, _) => 0.1,
            (SoakFault::Database, _) => 1.0,
            _ => 0.0,
        };
        let server = if is_file { 0 } else { server };
        steps.push(FaultStep {
            at,
            kind,
            server,
            lasts: Duration::from_secs_f64(longest * part),
            form,
        });
    }
}
