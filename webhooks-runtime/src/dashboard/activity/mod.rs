//! The recent deliveries: their rows on the page, their routes, and the stream that keeps a page up to date.

mod events;
mod routes;
mod view;

pub(super) use events::UPDATE_INTERVAL;
pub(super) use view::{ActivityFilter, RecentDeliveries, activity, excerpt};
