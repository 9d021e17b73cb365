//! Reads OpenTelemetry's variables. The crates of OpenTelemetry read most of them again, and ignore invalid values: here
//! they are errors.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use rustls_native_certs::load_certs_from_paths;
use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::tls::RootCerts;

use crate::config::environment::{Environment, NotUnicode};
use crate::config::error::SettingError;
use crate::network::roots::root_certs;

const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// What the variables with a number must be.
const COUNT: &str = "a whole number, at least 1";

/// The endpoint if only [`EXPORTER`] is set.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// How long sending a batch may take if no variable says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest number of spans that wait if no variable says so.
const DEFAULT_QUEUE_SIZE: usize = 2048;

/// Where traces are sent.
#[derive(Clone)]
pub(super) struct TraceSettings {
    /// May have a password or a token in it.
    pub(super) endpoint: String,
    /// The endpoint without user, password and query.
    pub(super) shown: String,
    /// Headers of each request. May have a token in them.
    pub(super) headers: HashMap<String, String>,
    /// The certificates to trust instead of those of the environment.
    pub(super) roots: Option<RootCerts>,
    /// How long sending a batch may take.
    pub(super) timeout: Duration,
    /// The largest number of spans that wait to be sent.
    pub(super) queue_size: usize,
}

impl TraceSettings {
    /// Reads the variables. `None` if they ask for no traces, or if one is invalid, which is added to `errors`.
    pub(super) fn read(environment: &Environment, errors: &mut Vec<SettingError>) -> Option<Self> {
        let mut variables = Variables { environment, errors };
        let disabled = variables
            .parsed(&[DISABLED], "true or false", |text| text.to_ascii_lowercase().parse().ok());
        let exports = variables.parsed(&[EXPORTER], "otlp or none", |text| match text {
            "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        });
        let wants = "a URL like http://localhost:4318";
        let traces = variables.parsed(&[TRACES_ENDPOINT], wants, |text| endpoint(text, ""));
        let general = variables.parsed(&[ENDPOINT], wants, |text| endpoint(text, "/v1/traces"));
        let chosen = match traces.or(general) {
            _ if disabled == Some(true) || exports == Some(false) => None,
            None if exports == Some(true) => endpoint(DEFAULT_ENDPOINT, "/v1/traces"),
            chosen => chosen,
        };
        variables.check_others();
        let (headers, roots) = (variables.headers(), variables.roots());
        let timeout = variables.timeout();
        let queue_size = variables.parsed(&[QUEUE_SIZE], COUNT, positive);
        let (endpoint, shown) = chosen.filter(|_| errors.is_empty())?;
        Some(Self {
            endpoint,
            shown,
            headers: headers.unwrap_or_default(),
            roots,
            timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
            queue_size: queue_size.unwrap_or(DEFAULT_QUEUE_SIZE),
        })
    }
}

impl fmt::Debug for TraceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceSettings({})", self.shown)
    }
}

/// Returns the URL of traces, and the same without secrets; `None` if it is no URL.
fn endpoint(text: &str, path: &str) -> Option<(String, String)> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_valid = matches!(scheme, "http" | "https") && !authority.host().is_empty();
    // It would be in the middle of the URL.
    let is_valid = is_valid && (path.is_empty() || uri.query().is_none());
    is_valid.then(|| {
        let (_, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
        let shown = format!("{scheme}://{host}{}", uri.path());
        let whole = |text: &str| [text.strip_suffix('/').unwrap_or(text), path].concat();
        if path.is_empty() { (text.to_owned(), shown) } else { (whole(text), whole(&shown)) }
    })
}

/// The variables, and the errors that were found in them.
struct Variables<'a> {
    environment: &'a Environment,
    errors: &'a mut Vec<SettingError>,
}

impl Variables<'_> {
    /// Parses the first of these variables that is set and not empty.
    fn parsed<T>(
        &mut self,
        names: &[&'static str],
        wants: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        for &name in names {
            let parsed = match self.environment.filled(name) {
                Ok(None) => continue,
                Ok(Some(text)) => parse(text.trim()),
                Err(NotUnicode) => None,
            };
            if parsed.is_none() {
                self.errors.push(SettingError { name, wants });
            }
            return parsed;
        }
        None
    }

    /// Returns how long sending a batch may take, in milliseconds.
    fn timeout(&mut self) -> Option<u64> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
        self.parsed(&names, "a number of milliseconds, at least 1", positive)
    }

    /// Returns the headers of each request. The crates of OpenTelemetry read them as well, but for them, an empty variable
    /// of the traces overrides the general one.
    fn headers(&mut self) -> Option<HashMap<String, String>> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
        let wants = "headers like name=value,other=value";
        self.parsed(&names, wants, |text| {
            let headers = pairs(text)?;
            let are_valid = headers.iter().all(|(name, value)| is_header(name, value));
            are_valid.then_some(headers)
        })
    }

    /// Returns the certificates to trust, if a variable names a file with them.
    fn roots(&mut self) -> Option<RootCerts> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
        let wants = "a file with certificates in PEM format that can be read";
        self.parsed(&names, wants, |text| {
            root_certs(&load_certs_from_paths(Some(Path::new(text)), None))
        })
    }

    /// Checks the variables that only the crates of OpenTelemetry read.
    fn check_others(&mut self) {
        const PROTOCOL: &str = "http/protobuf, the protocol that this program speaks";
        let protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        let _ = self.parsed(&protocol, PROTOCOL, |text| (text == "http/protobuf").then_some(()));
        let compression =
            ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
        let _ = self.parsed(&compression, "none", |text| (text == "none").then_some(()));
        let wants = "attributes like name=value,other=value";
        let _ = self.parsed(&["OTEL_RESOURCE_ATTRIBUTES"], wants, |text| {
            pairs(text)?.keys().all(|name| !name.is_empty()).then_some(())
        });
        let _ = self.parsed(&["OTEL_SERVICE_NAME"], "text in UTF-8", |_| Some(()));
        self.check_sampler();
        for name in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] {
            let _ = self.parsed(&[name], COUNT, positive::<u64>);
        }
        for name in [
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "OTEL_SPAN_LINK_COUNT_LIMIT",
        ] {
            let _ = self.parsed(&[name], "a whole number", |text| text.parse::<u32>().ok());
        }
    }

    fn check_sampler(&mut self) {
        let wants = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                     parentbased_traceidratio";
        let has_ratio = self.parsed(&[SAMPLER], wants, |text| match text {
            "traceidratio" | "parentbased_traceidratio" => Some(true),
            "always_on" | "always_off" | "parentbased_always_on" | "parentbased_always_off" => {
                Some(false)
            }
            _ => None,
        });
        if has_ratio == Some(true) {
            let ratio =
                |text: &str| text.parse().ok().filter(|ratio| (0.0..=1.0_f64).contains(ratio));
            let _ = self.parsed(&[SAMPLER_ARGUMENT], "a number from 0 to 1", ratio);
        }
    }
}

/// Parses a number that is not 0.
fn positive<T: FromStr + Default + PartialEq>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number| *number != T::default())
}

/// Reads the pairs of a list.
fn pairs(text: &str) -> Option<HashMap<String, String>> {
    let pairs = text.split_terminator(',').map(|pair| pair.split_once('='));
    let trimmed = |(name, value): (&str, &str)| (name.trim().to_owned(), value.trim().to_owned());
    pairs.map(|pair| pair.map(trimmed)).collect()
}

fn is_header(name: &str, value: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
}

#[cfg(test)]
mod tests;
