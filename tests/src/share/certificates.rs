//! Certificates for TLS with a share server, made anew for each test.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a share server shows, and what clients are to trust.
#[derive(Clone, Debug)]
pub struct Certificates {
    server: Arc<ServerConfig>,
    folder: Arc<TempDir>,
}

impl Certificates {
    /// A root, and a certificate that it signed for `name`.
    ///
    /// # Errors
    ///
    /// When they cannot be made.
    pub fn signed(name: &str) -> io::Result<Self> {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_key = KeyPair::generate().map_err(io::Error::other)?;
        let root_certificate = root.self_signed(&root_key).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = CertificateParams::new([name.to_owned()])
            .and_then(|leaf| leaf.signed_by(&key, &Issuer::new(root, root_key)))
            .map_err(io::Error::other)?;
        Self::new(&root_certificate.pem(), &certificate.pem(), certificate.der(), &key)
    }

    /// One certificate that signed itself and is root and server's in one, as
    /// `openssl req -x509` makes it.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn self_signed(name: &str) -> io::Result<Self> {
        Self::self_signed_until(name, 4096)
    }

    /// The same that ends with a year.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn self_signed_until(name: &str, year: i32) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut leaf = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        leaf.not_after = date_time_ymd(year, 12, 31);
        let certificate = leaf.self_signed(&key).map_err(io::Error::other)?;
        Self::new(&certificate.pem(), &certificate.pem(), certificate.der(), &key)
    }

    fn new(
        root: &str,
        server: &str,
        der: &CertificateDer<'static>,
        key: &KeyPair,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("root.pem"), root)?;
        std::fs::write(folder.path().join("server.pem"), server)?;
        std::fs::write(folder.path().join("server.key"), key.serialize_pem())?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![der.clone()], key)
            .map_err(io::Error::other)?;
        Ok(Self { server: Arc::new(server), folder: Arc::new(folder) })
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// Where the root, the server's certificate and its key are, as PEM files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with what clients are to trust.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder().join("root.pem")
    }
}
