//! The form that sends a delivery to an endpoint.
//!
//! - `view` renders it.
//! - `routes` receives its submissions.
//! - `form.js` submits it without reloading the page.

mod routes;
mod view;

pub(super) use view::{ENDPOINT_SAMPLE, Form, trigger_form};
