//! Background deliveries: kept before they are answered, and run until they are done or dead.
//!
//! `state` is the one state machine, `store` says what a store of deliveries does, `sqlite` and
//! `postgres` are the stores, `place` says which is meant, and `opening` reports when it takes long to open
//! it. `intake` has deliveries kept and `relay`
//! tells who waits for it, the `scheduler` claims them and settles what became of them, `run` is one
//! attempt, and `lease` says meanwhile that this process lives. `engine` puts them together, on threads of
//! their own. `conformance` holds both stores to the same promises.

mod clock;
#[cfg(test)]
#[cfg(feature = "background")]
mod conformance;
mod engine;
mod error;
mod intake;
mod lease;
mod opening;
mod options;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
mod relay;
mod run;
mod scheduler;
#[cfg(feature = "background")]
mod sqlite;
mod state;
mod store;

pub(crate) use engine::Jobs;
pub use error::StoreError;
pub(crate) use opening::Report;
pub(crate) use options::Options;
pub(crate) use place::Place;
pub(crate) use run::Function;
pub(crate) use state::State;
pub(crate) use store::Accepted;
pub(crate) use store::{Access, Purge};
pub(crate) use store::{Detail, FailedAttempt, Filter, Listed, Which};
