//! Carries requests to the Hub: over the network, or to a stand-in inside a test.

mod failure;
mod http;
mod redirect;
#[cfg(test)]
mod tests;
mod this_thread;

use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::BoxFuture;
use ureq::http::{HeaderMap, Method};

pub(crate) use self::failure::{FailureKind, TransportError};
pub(super) use self::http::HttpTransport;
pub(super) use self::this_thread::{may_block, on_this_thread};

/// How long a request may take, and how large its response may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallLimits {
    pub(crate) time: Duration,
    /// In bytes.
    pub(crate) response: u64,
    /// Whether a response that is not complete in time is returned as far as it came. For streams.
    pub(crate) partial: bool,
}

impl CallLimits {
    /// The limits of a call of the API. The largest responses are lists of files.
    pub(super) const CALL: Self =
        Self { time: Duration::from_secs(30), response: 64 * 1024 * 1024, partial: false };

    /// The limits of a file's transfer, which is kept in memory.
    pub(super) const FILE: Self =
        Self { time: Duration::from_secs(10 * 60), response: 256 * 1024 * 1024, partial: false };

    /// The limits of a log, which the Hub sends as a stream without an end. Python's client reads for 5 s as well.
    pub(super) const LOG: Self =
        Self { time: Duration::from_secs(5), response: 16 * 1024 * 1024, partial: true };
}

/// The body of a request.
#[derive(Clone)]
pub(crate) struct ApiBody {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Bytes,
}

/// A request to the Hub. It does not contain the token.
#[derive(Clone)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The percent-encoded path.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<ApiBody>,
    pub(crate) limits: CallLimits,
    /// Whether the request may be sent again when it is unknown whether the Hub processed it.
    pub(crate) idempotent: bool,
    /// Whether the server makes the request by itself, for example to determine who caused an event, and not a function.
    pub(crate) by_server: bool,
}

impl ApiRequest {
    /// Returns the method and path, for messages.
    pub(crate) fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A response of the Hub.
#[derive(Clone, Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A way to the Hub.
pub(crate) trait Transport: Send + Sync {
    /// Sends a request once.
    fn send(&self, request: ApiRequest) -> BoxFuture<'_, Result<ApiResponse, TransportError>>;

    /// Waits before a request is sent again.
    fn wait(&self, duration: Duration) -> BoxFuture<'_, ()>;
}
