//! What the fuzz targets reach of this crate's inside, only in their builds, which have `cfg(fuzzing)`: see `fuzz/`.
//! They have the Cargo features that this needs.

pub use crate::cli::{set_in_json, set_in_sample};
pub use crate::dashboard::FuzzedViewerAuth;
pub use crate::jobs::{FuzzedCell, FuzzedClaim, FuzzedDelivery, FuzzedStore};
