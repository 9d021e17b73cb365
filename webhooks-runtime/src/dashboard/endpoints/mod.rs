//! The endpoints: their URLs, what each of them takes, and a sample.

mod summary;
mod view;

pub(super) use summary::EndpointSummary;
pub(super) use view::endpoints;
