//! What each call of the API does. The bodies that a call takes are types that reject unknown members.

pub(super) mod account;
pub(super) mod commit;
pub(super) mod discussions;
pub(super) mod files;
pub(super) mod jobs;
mod pages;
pub(super) mod repos;
pub(super) mod spaces;
pub(super) mod webhooks;
