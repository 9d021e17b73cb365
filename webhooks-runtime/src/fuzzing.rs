//! What the fuzz targets reach of this crate's inside, only in their builds, which have `cfg(fuzzing)`: see `fuzz/`.

#[cfg(feature = "cli")]
pub use crate::cli::{set_in_json, set_in_sample};
#[cfg(feature = "page")]
pub use crate::dashboard::FuzzedViewerAuth;
#[cfg(feature = "background")]
pub use crate::jobs::{FuzzedCell, FuzzedClaim, FuzzedDelivery, FuzzedStore};
