//! Downloads from servers that try to lead elsewhere.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{StatusCode, header};

use super::{Outbound, OutboundError, OutboundRules, Proxies};

fn outbound(change: impl FnOnce(&mut OutboundRules)) -> Outbound {
    let mut rules = OutboundRules {
        plain_http: true,
        hosts: Vec::new(),
        max_bytes: 1000,
        stall: Duration::from_secs(5),
        proxies: Proxies::none(),
    };
    change(&mut rules);
    Outbound::new(rules).expect("a client")
}

async fn serve() -> String {
    let moved = |to: &'static str| {
        get(move || async move { (StatusCode::FOUND, [(header::LOCATION, to)]) })
    };
    let endless = || async {
        let pieces =
            futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 100])));
        Body::from_stream(pieces)
    };
    let routes = Router::new()
        .route("/small", get(|| async { "small" }))
        .route("/large", get(|| async { "x".repeat(1001) }))
        .route("/endless", get(endless))
        .route("/moved", moved("/small"))
        .route("/loop", moved("/loop"))
        .route("/file", moved("file:///etc/passwd"))
        .route("/elsewhere", moved("http://localhost:1/small"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

async fn fetch(outbound: &Outbound, url: &str) -> Result<usize, String> {
    let download = outbound.get(url).await.map_err(|error| error.to_string())?;
    let mut stream = download.stream();
    let mut size = 0;
    while let Some(piece) = stream.next().await {
        size += piece.map_err(|error| error.to_string())?.len();
    }
    Ok(size)
}

#[tokio::test]
async fn keeps_to_its_rules_at_every_hop() {
    let server = serve().await;
    let free = outbound(|_| {});
    let only_here = outbound(|rules| rules.hosts = vec!["127.0.0.1".to_owned()]);
    let check = async |outbound: &Outbound, path: &str, expect: Result<usize, &str>| {
        let url = if path.starts_with('/') {
            format!("{server}{path}")
        } else {
            path.to_owned()
        };
        match (fetch(outbound, &url).await, expect) {
            (Ok(size), Ok(expect)) => assert_eq!(size, expect, "{path}"),
            (Err(told), Err(expect)) => assert!(told.contains(expect), "{path}: {told}"),
            (got, _) => panic!("{path}: {got:?}"),
        }
    };
    check(&free, "/small", Ok(5)).await;
    check(&free, "/moved", Ok(5)).await;
    check(&free, "/missing", Err("404")).await;
    check(&free, "/large", Err("larger than the 1000 bytes")).await;
    check(&free, "/endless", Err("larger than the 1000 bytes")).await;
    check(&free, "/loop", Err("too often")).await;
    check(&free, "/file", Err("scheme")).await;
    check(&free, "ftp://x.example/", Err("scheme")).await;
    check(
        &free,
        "http://ann:secret@x.example/",
        Err("a user or a password"),
    )
    .await;
    check(&only_here, "/elsewhere", Err("not on the list")).await;
    check(&only_here, "http://localhost/small", Err("not on the list")).await;
}

#[tokio::test]
async fn plain_http_is_for_those_who_know_a_checksum() {
    let strict = outbound(|rules| rules.plain_http = false);
    let told = strict.get("http://127.0.0.1/x").await.err();
    assert!(
        matches!(told, Some(OutboundError::Refused { .. })),
        "{told:?}"
    );
}

/// The proxy answers for a host that does not exist; the server of this machine answers itself.
#[tokio::test]
async fn calls_take_the_proxy_but_those_to_this_machine_do_not() {
    let routes = Router::new().fallback(|uri: http::Uri| async move { format!("proxy: {uri}") });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let proxy = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let proxy: proxies::ProxyUrl = proxy.parse().expect("a proxy");
    let server = serve().await;
    let through = outbound(|rules| rules.proxies = Proxies::new(proxy.clone()));
    let far = "http://far.invalid/file";
    let expect = "proxy: http://far.invalid/file".len();
    assert_eq!(fetch(&through, far).await, Ok(expect));
    assert_eq!(fetch(&through, &format!("{server}/small")).await, Ok(5));
    let direct = Proxies::new(proxy).without(&["far.invalid".parse().expect("a host")]);
    let direct = outbound(|rules| rules.proxies = direct);
    let told = fetch(&direct, far).await.expect_err("no such host");
    assert!(told.contains("cannot download"), "{told}");
}
