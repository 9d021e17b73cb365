//! Handles HTTP requests: from the request's head to the function, and from the response to the log line.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `app` | builds the actix app, which routes requests |
//! | `connection` | wraps each client's connection with timeouts |
//! | `watchdog` | detects functions that block their thread |
//! | `guarded` | defines a route with its secrets, its filter and its checks |
//! | `dispatch` | handles a delivery step by step: route, `authorize`, `body`, `filter`, `checks`, function, `Outcome` |
//! | `authorize`, `cross_site` | decide whether a request may call an endpoint |
//! | `body` | reads a request's body, with a size limit and a timeout |
//! | `filter`, `checks` | skip a delivery that does not match its endpoint's filter, or one of its checks |
//! | `respond`, `rejection`, `sandbox` | call the function and create the response |
//! | `background`, `key` | store a background delivery, with its key |
//! | `inline`, `without_store` | run it within the request: once in a test, with its attempts where there is no store |
//! | `outcome` | defines the outcome of a request and the observers of outcomes |
//! | `log`, `log_limit` | write one log line per delivery, and limit the lines that unknown senders cause |
//! | `intercept`, `probe` | respond to authorized requests that deliver nothing, such as those of `doctor` |
//! | `health` | responds to `GET /health` |
//! | `store_monitor` | reads what anyone can see of the store |
//! | `webhook_status` | defines what is known of the webhooks on the Hub |
//! | `part` | defines the trait of a server's optional capabilities |

pub(crate) mod app;
pub(crate) mod authorize;
pub(crate) mod background;
pub(crate) mod body;
mod checks;
pub(crate) mod connection;
pub(crate) mod cross_site;
pub(crate) mod dispatch;
mod filter;
pub(crate) mod guarded;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod inline;
pub(crate) mod intercept;
mod key;
mod log;
mod log_limit;
pub(crate) mod outcome;
pub(crate) mod part;
pub(crate) mod probe;
pub(crate) mod rejection;
mod respond;
mod sandbox;
pub(crate) mod store_monitor;
pub(crate) mod watchdog;
pub(crate) mod webhook_status;
pub(crate) mod without_store;
