//! The recent deliveries.
//!
//! - `view` renders them.
//! - `routes` opens a delivery, and sends one again.
//! - `events` streams updates to open pages.

mod events;
mod routes;
mod view;

pub(super) use events::UPDATE_INTERVAL;
pub(super) use view::{ActivityFilter, OutcomeFilter, RecentDeliveries, activity};
