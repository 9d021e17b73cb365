//! Background deliveries: their rows on the page, their routes, and how a page follows them.

mod follow;
mod routes;
mod view;

pub(super) use follow::BackgroundFollower;
pub(super) use routes::snapshot;
pub(super) use view::{BackgroundDeliveries, background};
