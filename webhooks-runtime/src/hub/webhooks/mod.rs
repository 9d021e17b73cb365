//! The account's webhooks.

mod calls;
mod spec;
mod watched;
mod webhook;

pub use self::spec::WebhookSpec;
pub(crate) use self::spec::WebhookTarget;
pub use self::watched::{WatchedItem, WebhookDomain};
pub use self::webhook::{Webhook, WebhookState};
