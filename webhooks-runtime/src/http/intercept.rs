//! Lets parts respond to authorized requests that deliver nothing, in place of the endpoint's function.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::rejection::Rejection;

/// Responds to requests that deliver nothing. Such a request is not observed: it is in neither the log nor the activity.
pub(crate) trait Interceptor: Send + Sync {
    /// Returns the response to a request with the right secret, by its head; `None` if it is a delivery.
    fn intercept(&self, request: &HttpRequest) -> Option<HttpResponse>;
}

/// Why a request's body is not read.
pub(super) enum Unread {
    Rejected(Rejection),
    /// Boxed, so that it does not enlarge the future of every request.
    Intercepted(Box<HttpResponse>),
}

impl From<Rejection> for Unread {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Lets each interceptor respond. `Err` has the response of the first that does.
pub(super) fn intercept(
    interceptors: &[Arc<dyn Interceptor>],
    request: &HttpRequest,
) -> Result<(), Unread> {
    let response = interceptors.iter().find_map(|interceptor| interceptor.intercept(request));
    response.map_or(Ok(()), |response| Err(Unread::Intercepted(response.into())))
}
