//! The background deliveries.
//!
//! - `view` renders them.
//! - `routes` opens a delivery, and runs a dead one again.
//! - `follow` sends updates to open pages.

mod follow;
mod routes;
mod view;

pub(super) use follow::BackgroundFollower;
pub(super) use routes::snapshot;
pub(super) use view::{BackgroundDeliveries, background};
