//! Decides from a request's head whether it may call an endpoint, before its body is read.

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};

use super::cross_site::is_cross_site;
use super::rejection::Rejection;
use crate::config::addresses::Addresses;
use crate::config::secret::Secrets;

/// The header that carries the secret.
pub(crate) const SECRET: HeaderName = HeaderName::from_static("x-webhook-secret");

// `doctor` recognizes a server by these texts.
pub(crate) const NO_SECRET: &str = "x-webhook-secret header not set.";
pub(crate) const WRONG_SECRET: &str = "Invalid webhook secret.";
pub(crate) const FORM_REJECTED: &str = "A webhook endpoint accepts JSON, not a form. Send the body with Content-Type: application/json.";

/// Rejects a request that is not a POST.
pub(super) fn require_post(request: &HttpRequest) -> Result<(), Rejection> {
    if request.method() == Method::POST {
        return Ok(());
    }
    let text = "A webhook endpoint accepts only POST requests.";
    Err(Rejection::new(StatusCode::METHOD_NOT_ALLOWED, text))
}

/// Rejects a request without the right secret. For an endpoint without a secret, rejects requests that a page of
/// another site makes a browser send.
pub(super) fn authorize(
    request: &HttpRequest,
    secrets: Option<&Secrets>,
    addresses: &Addresses,
) -> Result<(), Rejection> {
    match secrets {
        Some(secrets) => check_secret(secrets, request.headers().get_all(SECRET)),
        None if is_cross_site(request, addresses) => {
            let text =
                "Pages of other sites cannot call this endpoint, because no webhook secret is set.";
            Err(Rejection::new(StatusCode::FORBIDDEN, text))
        }
        None => Ok(()),
    }
}

/// Requires exactly one secret, which must be a valid one.
fn check_secret<T: AsRef<[u8]>>(
    secrets: &Secrets,
    mut given: impl Iterator<Item = T>,
) -> Result<(), Rejection> {
    let (status, text) = match (given.next(), given.next()) {
        (Some(secret), None) if secrets.accept(secret.as_ref()) => return Ok(()),
        (None, _) => (StatusCode::UNAUTHORIZED, NO_SECRET),
        (Some(_), None) => (StatusCode::FORBIDDEN, WRONG_SECRET),
        (Some(_), Some(_)) => {
            (StatusCode::BAD_REQUEST, "The request has more than one webhook secret.")
        }
    };
    Err(Rejection::new(status, text))
}

/// Rejects a request whose headers announce a body that is too large, a form, or compressed. Any other content
/// type counts as JSON, because senders other than the Hub may declare a wrong one.
pub(super) fn check_body_headers(
    request: &HttpRequest,
    body_limit: usize,
) -> Result<(), Rejection> {
    let kind = request.content_type();
    let begins =
        |text: &str| kind.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text));
    if begins("multipart/") || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, FORM_REJECTED));
    }
    let is_plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(CONTENT_ENCODING).any(|coding| !is_plain(coding.as_bytes())) {
        let text = "A webhook endpoint does not accept a compressed body. Send plain JSON.";
        return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    // The limit is checked again while the body is read, because this header may be wrong.
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.is_some_and(|length| length.parse().is_ok_and(|bytes: usize| bytes > body_limit)) {
        return Err(Rejection::too_large(body_limit));
    }
    Ok(())
}

/// Moves the secret from a request's query to its header, so that a function that prints its request does not
/// print the secret. A secret in the header takes precedence.
pub(super) fn take_secret_from_query(head: &mut RequestHead) {
    let Some(query) = head.uri.query() else {
        return;
    };
    let secret = |pair: &str| {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(pair).ok()?;
        pairs.into_iter().find(|(name, _)| name == "secret").map(|(_, secret)| secret)
    };
    let secrets: Vec<String> = query.split('&').filter_map(secret).collect();
    if secrets.is_empty() {
        return;
    }
    let rest: Vec<_> = query.split('&').filter(|pair| secret(pair).is_none()).collect();
    let path = head.uri.path();
    let path = match rest.join("&") {
        rest if rest.is_empty() => path.to_owned(),
        rest => format!("{path}?{rest}"),
    };
    let mut parts = head.uri.clone().into_parts();
    // A part of a valid URI is valid, too.
    let Ok(path) = path.parse() else { return };
    parts.path_and_query = Some(path);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    head.uri = uri;
    if head.headers.contains_key(SECRET) {
        return;
    }
    for secret in secrets {
        // A text that is not a valid header value cannot be a secret. Like an empty one, it matches none.
        let value = HeaderValue::from_str(&secret);
        let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        head.headers.append(SECRET, value);
    }
}
