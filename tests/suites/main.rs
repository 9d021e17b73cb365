//! Servers, programs, browsers, stores and proxies, tested from outside. Each module is a suite; run one with
//! `cargo test -p tests --test suites share::`.
//!
//! All suites are one program, so that the crates are linked once. Two rules follow from that. A suite that
//! starts a server in its own process adds its own endpoints to `WebhooksServer::empty()`, because
//! `WebhooksServer::new()` has those of every suite. And no test changes anything that the whole process
//! shares, for example an environment variable or the panic hook: it starts a program for that.

mod acting;
mod activity;
mod alerts;
mod background_accept;
mod background_clock;
mod background_control;
mod background_crash;
mod background_enqueue;
mod background_full;
mod background_keys;
mod background_kills;
mod background_place;
mod background_replicas;
mod background_run;
mod bots;
mod browser;
mod command_reference;
mod connections;
mod contributing;
mod deliver;
mod deliveries;
mod deploy;
mod doctor;
mod elsewhere;
mod filters;
mod functions;
mod hub;
mod hub_bot;
mod messages;
mod metrics;
mod openapi;
mod output;
mod page;
mod process;
mod proxies;
mod reconcile;
mod registration;
mod request;
mod scale;
mod secret;
mod settings;
mod share;
mod soak;
mod testing;
mod traces;
mod trigger;
mod webhooks;
mod weight;
