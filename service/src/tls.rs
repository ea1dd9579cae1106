//! Reads a certificate chain and its key for the listener.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

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

pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
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
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio_util::sync::CancellationToken;

    use crate::config::ServerConfig;
    use crate::listener::{ListenError, Listener};

    #[tokio::test]
    async fn serves_over_tls_and_refuses_files_that_do_not_fit() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            Some(path)
        };
        let made =
            || rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (ours, other) = (made(), made());
        let mut config = ServerConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            tls_certificate: write("cert.pem", &ours.cert.pem()),
            tls_key: write("key.pem", &other.signing_key.serialize_pem()),
            ..ServerConfig::default()
        };
        let refused = Listener::bind(&config).await.err();
        assert!(matches!(refused, Some(ListenError::Tls(_))), "{refused:?}");
        config.tls_key = write("key.pem", &ours.signing_key.serialize_pem());
        let listener = Listener::bind(&config).await.expect("a free port");
        let url = listener.url();
        assert!(url.starts_with("https://"));
        let stop = CancellationToken::new();
        let routes = Router::new().route("/", get(|| async { "private" }));
        let served = tokio::spawn(listener.serve(routes, stop.clone()));
        let root =
            reqwest::Certificate::from_pem(ours.cert.pem().as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder()
            .tls_certs_only([root])
            .build()
            .expect("a client");
        let url = url.replace("127.0.0.1", "localhost");
        let answer = client
            .get(url)
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("text");
        assert_eq!(answer, "private");
        drop(client);
        stop.cancel();
        served.await.expect("the server ended");
    }
}
