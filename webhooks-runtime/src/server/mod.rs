//! The server: its builder, a request's way, and the life of the process.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `builder`, `ui` | `WebhooksServer` and its methods |
//! | `prepare`, `guard`, `missing_data`, `error` | find every invalid setting before a port is opened |
//! | `parts` | composes the optional capabilities from a `composition`; `alerts`, `background`, `hub`, `metrics`, `page` and `tunnel` are six of them |
//! | `launch`, `running`, `handle` | start the server, serve, shut down |
//! | `start`, `on_dead` | call the functions of `on_start` and `on_dead` |
//! | `ports`, `accept`, `balancer`, `threads`, `worker` | listen, and distribute connections to the workers |
//! | `banner`, `signals` | the start-up message, and the signals that stop the program |
//! | `output`, `log`, `panics` | write to a person and to the log without ever blocking |
//! | `state` | finds the values that outlive the process |
//! | `one_delivery` | runs the functions for one delivery, without a port, a secret or a store |
//! | `listing`, `recipients`, `store_target` | what the commands `endpoints`, `trigger` and `deliveries` know of a server that does not run in their process |

mod accept;
#[cfg(any(feature = "cli", feature = "hub"))]
mod alerts;
mod background;
mod balancer;
mod banner;
mod builder;
mod composition;
mod error;
mod guard;
mod handle;
#[cfg(feature = "hub")]
pub(crate) mod hub;
mod into_server;
mod launch;
mod listing;
pub(crate) mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod missing_data;
mod on_dead;
mod one_delivery;
mod open_files;
pub(crate) mod output;
#[cfg(feature = "page")]
mod page;
pub(crate) mod panics;
mod parts;
mod ports;
mod prepare;
mod recipients;
mod running;
mod signals;
mod start;
mod state;
mod store_target;
mod threads;
#[cfg(feature = "share")]
mod tunnel;
mod ui;
mod worker;

pub use builder::WebhooksServer;
pub use error::{LaunchError, SetupError};
pub use handle::ServerHandle;
pub use into_server::IntoServer;
pub(crate) use listing::Listing;
pub(crate) use one_delivery::{GivenDelivery, OneDelivery, RunOutcome};
pub(crate) use prepare::in_process;
pub(crate) use recipients::Recipients;
pub(crate) use signals::first_signal;
pub(crate) use store_target::StoreTarget;
pub use ui::Ui;
