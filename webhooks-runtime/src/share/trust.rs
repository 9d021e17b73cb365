//! Whom TLS trusts: the certificates that were given, and nobody else.

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

/// How TLS is spoken with a share server.
pub(crate) type Tls = Arc<ClientConfig>;

/// Why a certificate cannot be trusted.
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

/// TLS that trusts the certificates of a PEM text, and no others.
pub(crate) fn tls(pem: &[u8]) -> Result<Tls, CertificateError> {
    let mut roots = RootCertStore::empty();
    let mut given = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(CertificateError::Pem)?;
        roots.add(certificate.clone())?;
        given.push(certificate);
    }
    if roots.is_empty() {
        return Err(CertificateError::None);
    }
    let provider = Arc::new(default_provider());
    let signed =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // "Dangerous" is any verifier of one's own. This one asks rustls's first.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Given { signed, given }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Trusts what a given certificate has signed, as usual, and a given certificate itself.
///
/// The latter is for share servers that show a certificate that signed itself, as `openssl req -x509`
/// makes it. rustls takes none that may sign others for a server's; the public client does.
#[derive(Debug)]
struct Given {
    signed: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Given {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.signed.verify_server_cert(certificate, intermediates, name, ocsp, now);
        let error = match verified {
            Err(error) if self.given.contains(certificate) && of_its_kind(&error) => error,
            verified => return verified,
        };
        // It is the very one that was given, so what is left to see is whether it is meant.
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        tracing::debug!(%error, "the share server's certificate is the given one itself");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Whether an error is about what kind of certificate it is, and not that it has expired, say.
fn of_its_kind(error: &rustls::Error) -> bool {
    use rustls::CertificateError::{Other, UnknownIssuer};
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => true,
        // rustls has no name of its own for this one of webpki's.
        rustls::Error::InvalidCertificate(Other(error)) => error.to_string() == "CaUsedAsEndEntity",
        _ => false,
    }
}
