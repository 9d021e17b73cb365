//! Makes the response of what a function returns.
//!
//! - `reply` is the rule for what may be returned, and the response to each kind
//! - `kind` finds the rule for the type that a function of the attribute returns
//! - `permanent` marks errors that a retry cannot fix, and lists the causes of an error

pub(crate) mod kind;
pub(crate) mod permanent;
pub(crate) mod reply;

pub use permanent::{MarkPermanent, Permanent};
pub use reply::{EndpointError, EndpointReply};
