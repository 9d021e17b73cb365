//! Posts alerts to a URL: of dead deliveries, of webhooks that the Hub no longer calls, and of a store that is unavailable.
//!
//! The part works on a thread of its own, so that neither a request nor a background delivery ever waits for it. It gets
//! alerts from the observers of background deliveries, from the registration on the Hub, and by asking for the state of the
//! store as `/health` does.
//!
//! - `alert` is one alert, as JSON and as a line of text.
//! - `batch` gathers alerts, and decides when to post them.
//! - `outage` decides whether the store is unavailable.
//! - `sender` posts a batch, and logs an outage of the receiver once.
//! - `worker` does all of it, and `part` connects it to the server.
//!
//! A post has no payload, and of an error only its outermost text.

mod alert;
mod batch;
mod outage;
mod part;
mod sender;
mod timing;
mod worker;

pub(crate) use part::{AlertSettings, AlertsPart};
