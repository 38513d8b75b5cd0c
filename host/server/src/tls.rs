//! TLS for those who connect to us.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use crate::shutdown::Stop;

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

/// How often the files are looked at. Certificates are renewed days before they expire.
const LOOK: Duration = Duration::from_secs(10);

/// The certificate and key that new connections get. Those that are open keep what they have.
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
}

impl Certificates {
    /// What the configuration says; none without `[server.tls]`.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn load(config: &Config) -> Result<Option<Arc<Self>>, TlsError> {
        let Some(tls) = &config.server.tls else { return Ok(None) };
        let (cert, key) = (config.resolve(&tls.cert), config.resolve(&tls.key));
        let current = ArcSwap::from(read(&cert, &key)?);
        Ok(Some(Arc::new(Self { cert, key, current })))
    }

    /// For the handshake of one connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Reads the files again. Nothing is served with them yet; see [`Certificates::replace`].
    ///
    /// # Errors
    /// When they cannot be used.
    pub(crate) fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        read(&self.cert, &self.key)
    }

    /// From here on new connections get these.
    pub(crate) fn replace(&self, with: Arc<ServerConfig>) {
        self.current.store(with);
    }

    /// Reads the files again whenever they change, until `stop`. A renewal replaces two files one after the other, so a pair that does not
    /// fit is tried again.
    pub(crate) async fn watch(self: Arc<Self>, stop: Stop) {
        let mut seen = self.stamp();
        let mut failed = false;
        loop {
            tokio::select! {
                () = stop.begun() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = self.stamp();
            if now == seen && !failed {
                continue;
            }
            let read = self.read();
            failed = read.is_err();
            match read {
                Ok(read) => {
                    self.replace(read);
                    tracing::info!(cert = %self.cert.display(), "the certificate was read again");
                }
                // Once for each change: the files are looked at again and again.
                Err(error) if now != seen => tracing::error!("the certificate before goes on serving: {error}"),
                Err(_) => {}
            }
            seen = now;
        }
    }

    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.cert, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(cert)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File { path: key.to_owned(), source })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::File { path: path.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(path).map_err(error)?.collect::<Result<Vec<_>, _>>().map_err(error)?;
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(chain),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_renewed_certificate_counts_from_the_next_connection_on_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls");
        for name in ["cert.pem", "key.pem"] {
            fs::copy(ours.join(name), folder.path().join(name)).unwrap();
        }
        let text = "[server.tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
        let config = Config::parse(text, folder.path()).unwrap();
        let certificates = Certificates::load(&config).unwrap().unwrap();
        let before = certificates.current.load_full();
        fs::write(folder.path().join("cert.pem"), "half of a certificate").unwrap();
        assert!(certificates.read().is_err());
        assert!(Arc::ptr_eq(&before, &certificates.current.load_full()));
        fs::copy(ours.join("cert.pem"), folder.path().join("cert.pem")).unwrap();
        certificates.replace(certificates.read().unwrap());
        assert!(!Arc::ptr_eq(&before, &certificates.current.load_full()));
    }
}
