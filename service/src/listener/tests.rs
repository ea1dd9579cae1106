//! Connections that behave, and connections that do not.

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{ListenError, Listener};
use crate::config::ServerConfig;

fn config(listen: &str) -> ServerConfig {
    ServerConfig {
        listen: listen.parse().expect("an address"),
        header_timeout_secs: 1,
        stall_timeout_secs: 1,
        shutdown_timeout_secs: 5,
        ..ServerConfig::default()
    }
}

async fn talk(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn a_port_in_use_is_told_as_such() {
    let first = Listener::bind(&config("127.0.0.1:0"))
        .await
        .expect("a free port");
    let second = Listener::bind(&config(&first.address().to_string())).await;
    assert!(matches!(second, Err(ListenError::InUse(address)) if address == first.address()));
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let listener = Listener::bind(&config("127.0.0.1:0"))
        .await
        .expect("a free port");
    let address = listener.address();
    let (began, begun) = oneshot::channel();
    let began = std::sync::Arc::new(std::sync::Mutex::new(Some(began)));
    let slow = get(move || async move {
        if let Some(began) = began.lock().expect("a lock").take() {
            began.send(()).expect("somebody waits");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        "finished"
    });
    let stop = CancellationToken::new();
    let served = tokio::spawn(listener.serve(Router::new().route("/", slow), stop.clone()));
    let asked = tokio::spawn(talk(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    begun.await.expect("the request began");
    stop.cancel();
    assert!(asked.await.expect("an answer").ends_with("finished"));
    served.await.expect("the server ended");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn silent_clients_are_let_go() {
    let listener = Listener::bind(&config("127.0.0.1:0"))
        .await
        .expect("a free port");
    let address = listener.address();
    let read = post(|body: axum::body::Body| async move {
        match axum::body::to_bytes(body, 1 << 20).await {
            Ok(_) => "whole",
            Err(_) => "cut",
        }
    });
    let stop = CancellationToken::new();
    let served = tokio::spawn(listener.serve(Router::new().route("/", read), stop.clone()));
    for request in [
        "",
        "GET / HT",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf",
    ] {
        let talked = tokio::time::timeout(Duration::from_secs(10), talk(address, request)).await;
        let answer = talked.expect("the server lets go");
        assert!(!answer.contains("whole"), "{answer}");
    }
    stop.cancel();
    served.await.expect("the server ended");
}

#[tokio::test]
async fn beyond_the_bound_clients_are_told_to_come_back() {
    let mut config = config("127.0.0.1:0");
    config.max_connections = 2;
    config.header_timeout_secs = 60;
    let listener = Listener::bind(&config).await.expect("a free port");
    let address = listener.address();
    let stop = CancellationToken::new();
    let routes = Router::new().fallback(get(|| async { "served" }));
    let served = tokio::spawn(listener.serve(routes, stop.clone()));
    let request =
        |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle.push(TcpStream::connect(address).await.expect("a connection"));
    }
    for (path, form) in [
        ("/v2/", "TOOMANYREQUESTS"),
        ("/", "application/problem+json"),
    ] {
        let answer = talk(address, &request(path)).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(
            answer.to_lowercase().contains("retry-after: 10"),
            "{answer}"
        );
        assert!(answer.contains(form), "{answer}");
    }
    drop(idle.pop());
    let patience = tokio::time::timeout(Duration::from_secs(10), async {
        while !talk(address, &request("/")).await.ends_with("served") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    patience.await.expect("room again");
    stop.cancel();
    served.await.expect("the server ended");
}
