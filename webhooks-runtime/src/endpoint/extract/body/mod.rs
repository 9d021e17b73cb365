//! Reads a request's body, and describes what is wrong with one that cannot be read.
//!
//! - `read` parses JSON: any type, and the Hub's payload with its tolerance
//! - `fault` is one fault of a body, as the 422 response and the log show it
//! - `describe` makes a fault of an error of serde

mod describe;
mod fault;
mod read;

pub(crate) use fault::BodyFault;
pub use fault::BodyFaults;
pub(crate) use read::{accept_deviations, parse_payload, read, read_payload};

#[cfg(test)]
mod tests;
