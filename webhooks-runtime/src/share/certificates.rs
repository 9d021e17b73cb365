//! Configures TLS to trust the given certificates and no others.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ParsedCertificate, VerifierBuilderError};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// The TLS configuration for connections to a share server.
pub(crate) type ClientTls = Arc<ClientConfig>;

/// The error of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("{0}")]
    Pem(pem::Error),
    #[error("it is empty")]
    None,
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    #[error("{0}")]
    Roots(#[from] VerifierBuilderError),
}

/// Returns a TLS configuration that trusts only the certificates in a PEM text.
pub(crate) fn client_tls(pem: &[u8]) -> Result<ClientTls, CertificateError> {
    let mut roots = RootCertStore::empty();
    let mut pinned = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(CertificateError::Pem)?;
        roots.add(certificate.clone())?;
        pinned.push(certificate);
    }
    if roots.is_empty() {
        return Err(CertificateError::None);
    }
    let provider = Arc::new(default_provider());
    let webpki =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // rustls calls every custom verifier dangerous. This one calls rustls's first.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinningVerifier { webpki, pinned }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A verifier that accepts a given certificate, and certificates that a given one has signed.
///
/// The former is for share servers with a self-signed certificate, as `openssl req -x509` creates it. Such a
/// certificate may also sign others, and rustls rejects it as a server's; the public client accepts it.
#[derive(Debug)]
struct PinningVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for PinningVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.webpki.verify_server_cert(certificate, intermediates, name, ocsp, now);
        let error = match verified {
            Err(error) if self.pinned.contains(certificate) && is_about_issuer(&error) => error,
            verified => return verified,
        };
        // The certificate is one of the given ones. What remains to check is the name.
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        tracing::debug!(%error, "the share server presented the given certificate itself");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Returns whether the error concerns who issued the certificate, and not, for example, its expiry.
fn is_about_issuer(error: &rustls::Error) -> bool {
    use rustls::CertificateError::{Other, UnknownIssuer};
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => true,
        // rustls has no variant for this error of webpki's.
        rustls::Error::InvalidCertificate(Other(error)) => error.to_string() == "CaUsedAsEndEntity",
        _ => false,
    }
}
