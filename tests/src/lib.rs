//! What the suites share: a client that says exactly the bytes it is told, payloads, and programs
//! that run as processes of their own.

pub mod client;
pub mod payloads;
pub mod program;
