//! The settings of a server: where they come from, and how they are resolved once, before it starts.
//!
//! A flag overrides the code, the code overrides the environment, and the environment overrides the default. All
//! invalid settings are reported together.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `table` | every setting: its purpose, flags, method, variables and default |
//! | `settings` | how the settings are resolved |
//! | `limits` | sizes and times |
//! | `exposure` | how others reach the server: not at all, at a URL, or through a tunnel |
//! | `reconcile`, `log_format` | how the texts of these settings are parsed |
//! | `metrics`, `alert_url` | where the metrics are served, and where alerts are posted |
//! | `secret`, `token` | the secrets of endpoints; the tokens that authorize a reader of the page or of the metrics |
//! | `environment`, `host`, `space` | the variables and the machine that defaults depend on |
//! | `ports`, `addresses` | the ports of a server, and the URLs of one that listens |
//! | `error` | the error of an invalid setting |

pub(crate) mod addresses;
pub(crate) mod alert_url;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod exposure;
pub(crate) mod host;
pub(crate) mod limits;
pub(crate) mod log_format;
pub(crate) mod metrics;
pub(crate) mod ports;
mod reconcile;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod space;
pub(crate) mod table;
pub(crate) mod token;
