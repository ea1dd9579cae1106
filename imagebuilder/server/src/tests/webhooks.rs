//! Webhooks over a real socket: signed, tried again, each thing told at least once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use imagebuilder_engine::Rehearsal;
use serde_json::Value;
use service::outbound::Proxies;
use tokio_util::sync::CancellationToken;

use crate::webhooks::{self, Webhooks};

/// One request.
type Request = (HeaderMap, Value);

/// What came in; the first few requests are refused.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(u32, Vec<Request>)>>);

impl Receiver {
    fn got(&self) -> Vec<Request> {
        self.0.lock().unwrap().1.clone()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut inside = receiver.0.lock().unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    inside.1.push((headers, body));
    if inside.0 > 0 {
        inside.0 -= 1;
        return StatusCode::BAD_GATEWAY;
    }
    StatusCode::NO_CONTENT
}

async fn listen(receiver: Receiver) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/hook", post(receive))
        .with_state(receiver);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn the_end_of_a_build_is_told_again_until_it_is_heard() {
    let receiver = Receiver::default();
    receiver.0.lock().unwrap().0 = 1;
    let url = listen(receiver.clone()).await;
    let mut rehearsal = Rehearsal::with_webhooks(&[&url]).await;
    let hooks = Webhooks {
        urls: vec![url],
        secret: "a shared secret".to_owned(),
    };
    let stop = CancellationToken::new();
    let outbound = webhooks::open(&hooks, Proxies::none()).unwrap();
    let telling = tokio::spawn(webhooks::tell(
        rehearsal.engine(),
        hooks,
        outbound,
        stop.clone(),
    ));
    let build = rehearsal.ask().await;
    rehearsal.start();
    rehearsal.ended(&build).await;
    let heard = async {
        while receiver.got().len() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), heard)
        .await
        .expect("it is told again");
    let got = receiver.got();
    let header = |at: usize, name: &str| got[at].0[name].to_str().unwrap().to_owned();
    assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
    assert_eq!(
        (header(0, "packyard-attempt"), header(1, "packyard-attempt")),
        ("1".into(), "2".into())
    );
    assert!(header(1, "webhook-signature").starts_with("v1,"));
    assert_eq!(got[1].1["type"], "build.succeeded");
    assert_eq!(got[1].1["data"]["build"], build);
    // Heard: nothing is left to be told.
    let empty = async {
        while !rehearsal
            .engine()
            .take_deliveries(10)
            .await
            .unwrap()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), empty)
        .await
        .expect("it was heard");
    stop.cancel();
    telling.await.unwrap();
    rehearsal.stop().await;
}

#[tokio::test]
async fn an_address_that_leads_elsewhere_is_not_followed() {
    let receiver = Receiver::default();
    let elsewhere = listen(receiver.clone()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let redirect = move || async move { axum::response::Redirect::temporary(&elsewhere) };
    let routes = Router::new().route("/hook", post(redirect));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let hooks = Webhooks {
        urls: vec![url.clone()],
        secret: "x".to_owned(),
    };
    let outbound = webhooks::open(&hooks, Proxies::none()).unwrap();
    let sent = outbound
        .post(&url, HeaderMap::new(), Bytes::from_static(b"{}"))
        .await;
    assert!(sent.is_err(), "{sent:?}");
    let other = outbound
        .post("http://example.com/", HeaderMap::new(), Bytes::new())
        .await;
    assert!(other.unwrap_err().to_string().contains("not on the list"));
    assert!(receiver.got().is_empty());
}
