//! TLS for the listener: reads a certificate chain and its key, and agrees with each client on a
//! cipher.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{CipherSuite, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, unreadable or not PEM.
    #[error("cannot read the TLS file {path}; it must be PEM text that this user may read")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the reader said.
        source: rustls_pki_types::pem::Error,
    },
    /// Key and certificate do not belong together, or are of an unsupported kind.
    #[error("the TLS certificate {certificate} and the key {key} cannot be used together")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// Takes TLS connections with one certificate.
#[derive(Clone)]
pub(crate) struct Acceptor {
    /// The client's order of ciphers counts.
    as_asked: Arc<ServerConfig>,
    /// AES with 128 bits comes first. Many clients put 256 bits first by habit; each byte then
    /// costs more, and nobody can break either (RFC 8446, section 9.1, demands the former).
    aes_128: Arc<ServerConfig>,
}

impl Acceptor {
    /// Reads the certificate's chain and its key, both PEM.
    pub(crate) fn new(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let as_asked = config(default_provider(), certificate, key)?;
        let mut provider = default_provider();
        // A stable sort: all others keep their order.
        let suites = &mut provider.cipher_suites;
        suites.sort_by_key(|suite| !AES_128.contains(&suite.suite()));
        let mut aes_128 = config(provider, certificate, key)?;
        aes_128.ignore_client_order = true;
        Ok(Self {
            as_asked: Arc::new(as_asked),
            aes_128: Arc::new(aes_128),
        })
    }

    /// Shakes hands.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await?;
        let config = match has_fast_aes(hello.client_hello().cipher_suites()) {
            true => &self.aes_128,
            false => &self.as_asked,
        };
        hello
            .into_stream_with(Arc::clone(config), |connection| {
                connection.set_buffer_limit(Some(SENT_AT_ONCE));
            })
            .await
    }
}

/// How much is encrypted before it goes to the socket, in bytes: what a blob is read by. Each write
/// wakes the reader, and with rustls' own 64 KiB that costs more than to encrypt what is written:
/// one pull was 1.7 times as fast with this.
const SENT_AT_ONCE: usize = 512 * 1024;

const AES_128: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];
const CHACHA: [CipherSuite; 3] = [
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// A client without instructions for AES puts `ChaCha20` before it, and knows why.
fn has_fast_aes(offered: &[CipherSuite]) -> bool {
    let first = |wanted: &[CipherSuite]| offered.iter().position(|suite| wanted.contains(suite));
    match (first(&AES_128), first(&CHACHA)) {
        (Some(aes), Some(chacha)) => aes < chacha,
        (aes, _) => aes.is_some(),
    }
}

fn config(
    provider: CryptoProvider,
    certificate: &Path,
    key: &Path,
) -> Result<ServerConfig, TlsError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(file(certificate))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(file(key))?;
    let pair = |source| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
