//! Lets parts respond to authorized requests that deliver nothing, in place of the endpoint's function.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::rejection::Rejection;

/// Responds to requests that deliver nothing. Such a request is not observed: it is in neither the log nor the activity.
pub(crate) trait Interceptor: Send + Sync {
    /// Returns the response to an authorized request, by its head; `None` if it is a delivery. `has_secret` is whether the
    /// endpoint has a secret, which the request then had. Otherwise, anyone may have sent it.
    fn intercept(&self, request: &HttpRequest, has_secret: bool) -> Option<HttpResponse>;
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
    has_secret: bool,
) -> Result<(), Unread> {
    let respond = |it: &Arc<dyn Interceptor>| it.intercept(request, has_secret);
    let response = interceptors.iter().find_map(respond);
    response.map_or(Ok(()), |response| Err(Unread::Intercepted(response.into())))
}
