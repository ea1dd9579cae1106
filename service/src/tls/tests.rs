//! A listener over TLS.

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
    let root = reqwest::Certificate::from_pem(ours.cert.pem().as_bytes()).expect("a certificate");
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

#[test]
fn who_has_no_fast_aes_says_so_by_its_order() {
    use rustls::CipherSuite as Suite;
    let (small, large) = (
        Suite::TLS13_AES_128_GCM_SHA256,
        Suite::TLS13_AES_256_GCM_SHA384,
    );
    let chacha = Suite::TLS13_CHACHA20_POLY1305_SHA256;
    for (offered, expected) in [
        (&[large, chacha, small][..], false),
        (&[chacha, large, small], false),
        (&[large, small, chacha], true),
        (&[small], true),
        (&[large], false),
        (&[], false),
    ] {
        assert_eq!(super::has_fast_aes(offered), expected, "{offered:?}");
    }
}
