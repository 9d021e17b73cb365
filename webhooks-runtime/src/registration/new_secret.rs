//! Makes a secret for endpoints that have none.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};

use super::endpoint::{WebhookEndpoint, WebhookSecret};

/// The size of a secret, in bytes of randomness.
const SIZE: usize = 32;

/// Gives all endpoints that get a webhook and have no secret a new one, which they share. Returns it, if one was needed.
///
/// # Errors
///
/// When the system has no randomness.
pub(crate) fn add_missing_secret(
    endpoints: &mut [WebhookEndpoint],
) -> io::Result<Option<WebhookSecret>> {
    let without =
        |endpoint: &&mut WebhookEndpoint| endpoint.is_watching() && endpoint.secret.is_none();
    let mut endpoints = endpoints.iter_mut().filter(without).peekable();
    if endpoints.peek().is_none() {
        return Ok(None);
    }
    let secret = new_secret()?;
    for endpoint in endpoints {
        endpoint.secret = Some(secret.clone());
        endpoint.secret_is_new = true;
    }
    Ok(Some(secret))
}

/// Makes a secret.
///
/// # Errors
///
/// When the system has no randomness.
pub(crate) fn new_secret() -> io::Result<WebhookSecret> {
    let mut bytes = [0; SIZE];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(WebhookSecret::new(BASE64.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{WatchedItem, WebhookDomain};

    #[test]
    fn only_watching_endpoints_without_a_secret_get_a_new_one() {
        let watched = || vec![WatchedItem::new("model", "me/tiny")];
        let endpoint = |watched, secret: Option<&str>| WebhookEndpoint {
            path: "/webhooks/x".to_owned(),
            watched,
            domains: vec![WebhookDomain::Repo],
            secret: secret.map(WebhookSecret::new),
            secret_is_new: false,
        };
        let mut endpoints =
            [endpoint(watched(), None), endpoint(watched(), Some("hush")), endpoint(vec![], None)];
        let secret = add_missing_secret(&mut endpoints).unwrap().unwrap();
        assert_eq!(secret.reveal().len(), 43);
        let [first, second, third] = &endpoints;
        assert_eq!((first.secret.as_ref(), first.secret_is_new), (Some(&secret), true));
        assert_eq!(
            (second.secret.as_ref().unwrap().reveal(), second.secret_is_new),
            ("hush", false)
        );
        assert_eq!((&third.secret, third.secret_is_new), (&None, false));
        assert_eq!(add_missing_secret(&mut endpoints).unwrap(), None);

        let mut other = [endpoint(watched(), None)];
        assert!(add_missing_secret(&mut other).unwrap() != Some(secret));
    }
}
