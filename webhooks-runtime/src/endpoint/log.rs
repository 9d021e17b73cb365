//! The target of the log lines about deliveries, for `RUST_LOG`.

pub(crate) const DELIVERY: &str = "webhooks_runtime::delivery";
