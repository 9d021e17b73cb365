//! Defines why a request got no response, and whether it may be sent again.

use std::io::ErrorKind;

use ureq::{Error, Timeout};

use crate::network::is_unknown_host;

/// What is known about a request without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The Hub did not get it.
    NotSent,
    /// The connection was lost: the Hub may have processed it.
    Lost,
    /// The same request would fail again.
    Final,
}

/// The error of a request without a response.
#[derive(Clone, Debug)]
pub(crate) struct TransportError {
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
}

impl TransportError {
    pub(crate) fn last(reason: String) -> Self {
        Self { kind: FailureKind::Final, reason }
    }
}

impl FailureKind {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Timeout(Timeout::Resolve | Timeout::Connect) => Self::NotSent,
            Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused => Self::NotSent,
                // The network may also fail after the request was sent.
                ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
                | ErrorKind::NotConnected => Self::Lost,
                _ if is_unknown_host(error) => Self::NotSent,
                _ => Self::Final,
            },
            _ => Self::Final,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::*;

    #[test]
    fn only_a_refused_connection_proves_that_the_hub_did_not_get_the_request() {
        for (kind, expected) in [
            (ErrorKind::ConnectionRefused, FailureKind::NotSent),
            (ErrorKind::HostUnreachable, FailureKind::Lost),
            (ErrorKind::NetworkUnreachable, FailureKind::Lost),
            (ErrorKind::ConnectionReset, FailureKind::Lost),
            (ErrorKind::InvalidData, FailureKind::Final),
        ] {
            assert_eq!(FailureKind::of(&Error::Io(kind.into())), expected, "{kind}");
        }
        let unknown = ("nowhere.invalid", 443).to_socket_addrs().unwrap_err();
        assert_eq!(FailureKind::of(&Error::Io(unknown)), FailureKind::NotSent);
    }
}
