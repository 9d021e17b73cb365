//! Loads the root certificates that HTTPS requests trust.

use rustls_native_certs::{CertificateResult, load_native_certs};
use ureq::tls::{Certificate, RootCerts};

use crate::config::environment::Environment;

/// The variables that name files with root certificates. rustls-native-certs reads them.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The error of root certificates that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{variable} must name a file or folder with certificates in PEM format that can be read")]
pub(crate) struct RootsError {
    variable: &'static str,
}

/// Loads the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or else the system's.
///
/// A system without certificates, such as a minimal container image, gets Mozilla's, which are compiled in.
pub(super) fn roots() -> Result<RootCerts, RootsError> {
    let loaded = load_native_certs();
    for error in &loaded.errors {
        tracing::debug!(%error, "root certificates cannot be read");
    }
    if let Some(roots) = root_certs(&loaded) {
        return Ok(roots);
    }
    let environment = Environment::default();
    let is_set = |name: &&str| !matches!(environment.filled(name), Ok(None));
    match VARIABLES.into_iter().find(is_set) {
        Some(variable) => Err(RootsError { variable }),
        None => {
            tracing::debug!("the system has no root certificates; using those of Mozilla");
            Ok(RootCerts::WebPki)
        }
    }
}

/// Returns the certificates that were loaded, if any.
pub(crate) fn root_certs(loaded: &CertificateResult) -> Option<RootCerts> {
    let certificates = loaded.certs.iter().map(|der| Certificate::from_der(der).to_owned());
    (!loaded.certs.is_empty()).then(|| certificates.collect::<Vec<_>>().into())
}
