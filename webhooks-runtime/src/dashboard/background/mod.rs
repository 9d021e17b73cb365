//! The background deliveries.
//!
//! - `list` reads them, and `view` renders a row for each; `detail` renders one in full.
//! - `routes` opens a delivery. `actions` cancels one or runs it again, and pauses endpoints.
//! - `pause` renders which endpoints are paused.
//! - `log` renders what its function logged.
//! - `follow` sends updates to open pages.

mod actions;
mod detail;
mod follow;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod list;
mod log;
mod pause;
mod routes;
mod view;

pub(super) use follow::BackgroundFollower;
pub(super) use list::{BackgroundDeliveries, shown};
pub(super) use pause::{PausedEndpoints, pause};
pub(super) use view::background;
