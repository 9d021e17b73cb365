//! The figures of a run.

mod table;

use std::time::Duration;

use tests::background::kills::Sent;

use crate::servers::SoakServer;

pub(crate) use table::{FigureTable, SoakFigures};

/// The resources of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessResources {
    pub(crate) descriptors: usize,
    pub(crate) bytes: u64,
}

impl ProcessResources {
    pub(crate) fn by(server: &SoakServer) -> Self {
        let folder = format!("/proc/{}/fd", server.program.id());
        let descriptors = std::fs::read_dir(folder).unwrap().count();
        Self { descriptors, bytes: server.program.memory().unwrap() }
    }

    pub(crate) fn mebibytes(&self) -> u64 {
        self.bytes >> 20
    }
}

/// How long it took until half of the deliveries, and almost all, were accepted.
pub(crate) fn times_to_accept(sent: &[Sent]) -> [Duration; 2] {
    let mut took: Vec<_> = sent.iter().map(|it| it.took).collect();
    took.sort_unstable();
    [50, 99].map(|part| took.get(took.len() * part / 100).copied().unwrap_or_default())
}

/// The longest time without an accepted delivery.
pub(crate) fn longest_gap(sent: &[Sent]) -> Duration {
    let mut at: Vec<_> = sent.iter().map(|it| it.at).collect();
    at.sort_unstable();
    at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}
