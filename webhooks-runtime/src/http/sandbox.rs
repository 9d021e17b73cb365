//! Keeps a function's response from acting on the page's origin.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};

/// Sets the headers with which browsers do not guess the content type of a document, and show it without scripts and
/// with an origin that matches no other.
pub(super) fn sandbox(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // In addition to a policy that the function set: browsers apply all policies.
    headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
}
