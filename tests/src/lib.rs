//! What the suites share: a client that says exactly the bytes it is told, payloads, programs
//! that run as processes of their own, background deliveries, a browser, a proxy, and a share server.

pub mod background;
pub mod browser;
pub mod client;
pub mod payloads;
pub mod program;
pub mod proxy;
pub mod share;
