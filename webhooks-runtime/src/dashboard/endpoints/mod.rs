//! The list of endpoints: the URL, the payload, a sample, and the webhook on the Hub of each.

mod summary;
mod view;
mod webhook;

pub(super) use summary::EndpointSummary;
pub(super) use view::endpoints;
