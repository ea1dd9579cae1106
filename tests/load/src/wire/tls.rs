//! One certificate for all servers under test, and a client that trusts it alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::ServerName;

/// The name in the certificate; the servers themselves are reached by their address.
const NAME: &str = "localhost";

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client: ClientTls,
}

impl Certificate {
    /// Makes a certificate of its own and writes it into a folder.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let made =
            rcgen::generate_simple_self_signed([NAME.to_owned()]).context("make a certificate")?;
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            anyhow::Ok(path)
        };
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            certificate: write("certificate.pem", made.cert.pem())?,
            key: write("key.pem", made.signing_key.serialize_pem())?,
            client: ClientTls(Arc::new(config)),
        })
    }
}

/// Begins TLS with a server that has the certificate.
#[derive(Clone, Debug)]
pub(crate) struct ClientTls(Arc<ClientConfig>);

impl ClientTls {
    pub(crate) fn begin(&self) -> Result<ClientConnection> {
        let name = ServerName::try_from(NAME)?;
        ClientConnection::new(Arc::clone(&self.0), name).context("begin TLS")
    }
}
