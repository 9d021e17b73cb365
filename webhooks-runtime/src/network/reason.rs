//! Explains why another server cannot be reached.
//!
//! The messages of the system and of the libraries differ between platforms, and assume knowledge of their types.

use std::io::{self, ErrorKind};

use tokio_rustls::rustls::{CertificateError, Error};

const UNTRUSTED: &str = "its certificate is not signed by a trusted authority";

/// Explains why a connection failed. The text follows the name of the other server and a colon.
pub(crate) fn reason(error: &io::Error) -> String {
    if let Some(reason) = certificate_reason(error) {
        return reason.to_owned();
    }
    let reason = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens at this address",
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::NotConnected => "the connection was closed",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "it did not respond in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "the network has no route to it"
        }
        _ if is_unknown_host(error) => "its host name cannot be resolved",
        _ => return error.to_string(),
    };
    reason.to_owned()
}

/// Returns whether a host name could not be resolved. The standard library has only a text for that.
pub(crate) fn is_unknown_host(error: &io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address information")
}

/// Explains why the certificate is not trusted, from rustls's error inside the stream's error.
fn certificate_reason(error: &io::Error) -> Option<&'static str> {
    let Error::InvalidCertificate(fault) = error.get_ref()?.downcast_ref()? else {
        return None;
    };
    Some(match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        // `BadSignature`: another authority may use the name of a trusted one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => UNTRUSTED,
        // A self-signed certificate. This error belongs to webpki, which rustls does not export.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            UNTRUSTED
        }
        _ => "its certificate is not valid",
    })
}

/// Explains why an HTTP request failed.
pub(super) fn http_reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if certificate_reason(error) == Some(UNTRUSTED) => {
            format!("{UNTRUSTED}; SSL_CERT_FILE can name a file with the certificates to trust")
        }
        ureq::Error::Io(error) => reason(error),
        ureq::Error::HostNotFound => "its host name has no address".to_owned(),
        ureq::Error::Timeout(_) => "it did not respond in time".to_owned(),
        ureq::Error::ConnectionFailed => "nothing listens at this address".to_owned(),
        ureq::Error::StatusCode(status) => format!("it responded with status {status}"),
        ureq::Error::Protocol(_) => "it does not speak HTTP".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "its response is too long".to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::*;

    #[test]
    fn a_failed_connection_is_explained_in_plain_words() {
        for (kind, text) in [
            (ErrorKind::ConnectionRefused, "nothing listens at this address"),
            (ErrorKind::UnexpectedEof, "the connection was closed"),
            (ErrorKind::TimedOut, "it did not respond in time"),
        ] {
            assert_eq!(reason(&kind.into()), text);
        }
        assert_eq!(reason(&io::Error::other("our own words")), "our own words");
    }

    #[test]
    fn a_host_name_that_cannot_be_resolved_is_recognized() {
        let error = ("nowhere.invalid", 443).to_socket_addrs().unwrap_err();
        assert!(is_unknown_host(&error), "{error:?}");
        assert_eq!(reason(&error), "its host name cannot be resolved");
        assert!(!is_unknown_host(&ErrorKind::ConnectionRefused.into()));
    }

    #[test]
    fn an_invalid_certificate_is_explained() {
        for (fault, text) in [
            (
                CertificateError::UnknownIssuer,
                "its certificate is not signed by a trusted authority",
            ),
            (CertificateError::Expired, "its certificate has expired"),
            (CertificateError::NotValidForName, "its certificate is for another name"),
            (CertificateError::BadEncoding, "its certificate is not valid"),
        ] {
            let error = Error::InvalidCertificate(fault);
            assert_eq!(reason(&io::Error::new(ErrorKind::InvalidData, error)), text);
        }
    }
}
