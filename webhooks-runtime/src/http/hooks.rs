//! Collects what the parts of a server do with each request.

use std::sync::Arc;

use super::intercept::Interceptor;
use super::outcome::Observer;
use super::part::Part;
use crate::trace::Tracer;

/// What the parts of a server do with each request.
#[derive(Default)]
pub(crate) struct RequestHooks {
    /// The observers other than the log.
    pub(super) observers: Vec<Arc<dyn Observer>>,
    /// What responds to requests that deliver nothing.
    pub(super) interceptors: Vec<Arc<dyn Interceptor>>,
    /// Starts the spans of requests, if a part does.
    pub(super) tracer: Option<Arc<dyn Tracer>>,
}

impl RequestHooks {
    /// Returns those of all parts, with one more observer.
    pub(crate) fn of(parts: &[Arc<dyn Part>], observer: Option<Arc<dyn Observer>>) -> Self {
        let observers = parts.iter().filter_map(|part| part.observer());
        Self {
            observers: observers.chain(observer).collect(),
            interceptors: parts.iter().filter_map(|part| part.interceptor()).collect(),
            tracer: parts.iter().find_map(|part| part.tracer()),
        }
    }
}
