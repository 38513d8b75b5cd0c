//! TLS for those who connect to us.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{}: {source}. It has to be readable and PEM", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file without anything in it.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The two do not go together, or are of a kind that is not known.
    #[error("the certificate and the key of [server.tls] cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What the configuration says; none without `[server.tls]`.
///
/// # Errors
/// When the files cannot be used.
pub fn acceptor(config: &Config) -> Result<Option<TlsAcceptor>, TlsError> {
    let Some(tls) = &config.server.tls else { return Ok(None) };
    let (cert, key) = (config.resolve(&tls.cert), config.resolve(&tls.key));
    let chain = certificates(&cert)?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|source| TlsError::File { path: key, source })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::File { path: path.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(path).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(chain),
    }
}
