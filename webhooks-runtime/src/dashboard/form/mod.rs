//! The form that sends a delivery to an endpoint: its view, its route and its script.

mod routes;
mod view;

pub(super) use view::{Form, OWN_SAMPLE, trigger_form};
