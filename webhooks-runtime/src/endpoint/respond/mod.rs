//! Makes the response of what a function returns.
//!
//! - `reply` is the rule for what may be returned, and the response to each kind
//! - `kind` finds the rule for the type that a function of the attribute returns
//! - `permanent` has errors that a retry cannot fix, and `retry_after` has errors that say when to retry
//! - `causes` lists the causes of an error, and finds these errors among them

pub(crate) mod causes;
pub(crate) mod kind;
mod permanent;
pub(crate) mod reply;
mod retry_after;

pub use permanent::{MarkPermanent, Permanent};
pub use reply::{EndpointError, EndpointReply};
pub use retry_after::RetryAfter;
