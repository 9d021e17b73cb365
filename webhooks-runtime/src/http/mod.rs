//! A request's way: from its head to the function, and from the response to the log line.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `app` | puts the actix app together: which path is served by what |
//! | `connection`, `watchdog` | limits each connection, and notices functions that block its thread |
//! | `guarded` | a route with its secrets |
//! | `dispatch` | takes a delivery along its way: route, `authorize`, `body`, function, `Outcome` |
//! | `authorize`, `cross_site` | decide whether a request may call an endpoint |
//! | `body` | reads a request's body within a size and a time |
//! | `respond`, `rejection` | call the function and make the response |
//! | `deferred`, `inline` | accept a background delivery into the store, or run it at once in a test |
//! | `outcome` | the outcome of a request, and its observers |
//! | `log`, `rejections` | the observer that writes the log line |
//! | `health` | `GET /health` |
//! | `part` | what an optional capability of a server implements |

pub(crate) mod app;
pub(crate) mod authorize;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod cross_site;
pub(crate) mod deferred;
pub(crate) mod dispatch;
pub(crate) mod guarded;
pub(crate) mod health;
mod inline;
mod log;
pub(crate) mod outcome;
pub(crate) mod part;
pub(crate) mod rejection;
mod rejections;
mod respond;
pub(crate) mod watchdog;
