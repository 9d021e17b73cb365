//! Stores background deliveries before their requests get a response, and runs each until it is done or dead.
//!
//! A delivery may run more than once, for example after a crash. It is never silently dropped. A store also implements
//! [`SharedState`](crate::state::SharedState).
//!
//! - `state` is the state machine of a delivery, and `outcome` decides what happens after an attempt; `delivery` and
//!   `inspect` define the data.
//! - `store` is the trait of a store, and `sqlite` and `postgres` implement it. `conformance` tests both.
//! - `store_url` parses which store to use, and `opening` reports when opening it takes long.
//! - `incoming` accepts deliveries, each with its `key`, and `batcher` makes batches of them. `enqueue` accepts those of
//!   the program itself, within the limits that `recorded_limits` has of the server.
//! - `scheduler` claims deliveries and completes them, woken by `wakeups`; `run` runs one attempt, and `log` logs how it
//!   ended. `unstored` runs a delivery that no store has.
//! - `attempt_log` defines the lines that functions log. `log_buffer` collects those of a running attempt, `log_writer`
//!   writes them to the store, and `logs` reads them.
//! - `heartbeat` renews this replica's lease, and `recovery` recovers the deliveries of lost replicas.
//! - `observer` defines who is notified of attempts, of dead deliveries and of the store's responses. `dead` collects dead
//!   deliveries for functions and alerts, and `counts` counts deliveries for the metrics.
//! - `engine` starts all of this on its threads, and `handle` is what the rest of the crate uses; `control` is how people
//!   cancel deliveries, run them again and pause endpoints.

mod attempt_log;
mod batcher;
mod clock;
#[cfg(test)]
mod conformance;
mod control;
mod counts;
mod dead;
mod delivery;
mod engine;
pub(crate) mod enqueue;
mod error;
#[cfg(fuzzing)]
mod fuzzing;
mod handle;
mod heartbeat;
mod incoming;
mod inspect;
mod key;
mod log;
mod log_buffer;
mod log_writer;
mod logs;
mod observer;
mod opening;
mod options;
mod outcome;
#[cfg(feature = "postgres")]
mod postgres;
mod recorded_limits;
mod recovery;
mod remedy;
mod run;
mod scheduler;
#[cfg(feature = "background")]
mod sqlite;
mod state;
mod store;
mod store_url;
#[cfg(feature = "background")]
#[cfg(test)]
mod tests;
mod unstored;
mod wakeups;

pub(crate) use attempt_log::{AttemptLogLine, LogPosition};
pub(crate) use counts::StateCount;
pub use dead::DeadDelivery;
pub(crate) use dead::DeadQueue;
pub(crate) use delivery::{Accepted, DeliveryKey, DeliveryOrigin};
pub use enqueue::{DeliveryStore, EnqueueError};
pub use error::StoreError;
#[cfg(fuzzing)]
pub use fuzzing::{FuzzedCell, FuzzedClaim, FuzzedDelivery, FuzzedStore};
pub(crate) use handle::Jobs;
pub(crate) use incoming::IncomingDelivery;
pub(crate) use inspect::{
    CancelReport, CancelTarget, DeliveryDetail, DeliveryFilter, DeliverySummary, FailedAttempt,
    Purge, RetryTarget, paused_text,
};
pub(crate) use key::KeyFailure;
pub(crate) use log_buffer::{AttemptLog, MAX_LINE};
pub(crate) use observer::{AttemptResult, JobsObserver, JobsObservers, StoreOperation};
pub(crate) use opening::OpeningReport;
pub(crate) use options::Options;
pub(crate) use remedy::StoreRemedy;
pub(crate) use run::{ATTEMPT_SPAN, BackgroundHandler};
pub(crate) use state::State;
pub(crate) use store::Access;
pub(crate) use store_url::StoreUrl;
pub(crate) use unstored::{UnstoredDelivery, UnstoredEnd};
