//! The ports of a server.

use std::ops::RangeInclusive;

/// The ports to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// This port only. 0 lets the system choose one.
    One(u16),
    /// The first free one.
    FirstFreeOf(RangeInclusive<u16>),
}
