//! The figures of a run.

use std::time::Duration;

use tests::background::kills::Sent;
use tests::program::Program;

/// The resources of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessResources {
    pub(crate) descriptors: usize,
    pub(crate) bytes: u64,
}

impl ProcessResources {
    pub(crate) fn by(program: &Program) -> Self {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count();
        Self { descriptors, bytes: program.memory().unwrap() }
    }

    pub(crate) fn mebibytes(self) -> u64 {
        self.bytes >> 20
    }
}

/// How fast deliveries were accepted: half of them, almost all, and the longest time without any.
pub(crate) fn accepts(sent: &[Sent]) -> (Duration, Duration, Duration) {
    let mut took: Vec<_> = sent.iter().map(|it| it.took).collect();
    took.sort_unstable();
    let part = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
    let mut at: Vec<_> = sent.iter().map(|it| it.at).collect();
    at.sort_unstable();
    let gap = at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    (part(50), part(99), gap)
}
