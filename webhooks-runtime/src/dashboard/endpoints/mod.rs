//! The list of endpoints: the URL, the payload and a sample of each.

mod summary;
mod view;

pub(super) use summary::EndpointSummary;
pub(super) use view::endpoints;
