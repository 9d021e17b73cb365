//! What the suites share: a client that says exactly the bytes it is told, payloads, programs
//! that run as processes of their own, background deliveries, a browser, proxies, a share server, pages of
//! Markdown, a terminal for the commands on them, a pseudo-terminal, a walk through a
//! Dockerfile, a Hub, a chat model, a collector of traces, a receiver of alerts, and a
//! model of how far a store goes.

pub mod background;
pub mod browser;
pub mod chat;
pub mod client;
pub mod collector;
pub mod dockerfile;
pub mod forward;
pub mod golden;
pub mod hub;
pub mod local_server;
pub mod markdown;
pub mod payloads;
pub mod picture;
pub mod program;
pub mod programs;
pub mod proxy;
pub mod pty;
pub mod receiver;
pub mod repository;
pub mod scale;
pub mod share;
pub mod terminal;
