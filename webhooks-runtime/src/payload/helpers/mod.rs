//! Methods that recognize an event: what a bot asks in an `if let`.
//!
//! Each looks at the event's action and scope as well as at the fields, by the Hub's rule for narrower scopes
//! ([`matches`](crate::WebhookPayloadEvent::matches)), so that a field that is present for another reason is not
//! mistaken for the event.
//!
//! - `refs`: commits, branches, tags, and pushes to pull requests
//! - `discussion`: discussions, pull requests and comments
//! - `repo`: a repo's visibility, type and owner

mod discussion;
mod refs;
mod repo;
#[cfg(test)]
mod tests;

pub use discussion::NewComment;
