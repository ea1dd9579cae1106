//! Proving who we are, and to whom not.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use registry_client::{Client, ClientError, ClientOptions, Credential};

use crate::server::{client, repository, serve};

fn ann() -> Option<Credential> {
    Some(Credential::Password {
        user: "ann".to_owned(),
        password: "secret".to_owned(),
    })
}

/// Every Authorization header that a server was sent.
type Seen = Arc<Mutex<Vec<Option<String>>>>;

fn authorization(request: &Request) -> Option<String> {
    let value = request.headers().get("authorization")?;
    Some(value.to_str().expect("text").to_owned())
}

/// A server that wants a token from `realm`, and notes what it is sent.
async fn registry(realm: String, seen: Seen) -> String {
    serve(
        Router::new()
            .fallback(
                |State((realm, seen)): State<(String, Seen)>, request: Request| async move {
                    let sent = authorization(&request);
                    seen.lock().expect("a lock").push(sent.clone());
                    if sent.as_deref() == Some("Bearer good") {
                        return r#"{"name":"library/x","tags":["1","2"]}"#.into_response();
                    }
                    let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\"");
                    (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
                },
            )
            .with_state((realm, seen)),
    )
    .await
}

/// A token service that gives a token to everybody, and notes what it is sent.
async fn token_service(seen: Seen) -> String {
    let handler = |State(seen): State<Seen>, request: Request| async move {
        seen.lock().expect("a lock").push(authorization(&request));
        Response::new(axum::body::Body::from(
            r#"{"token":"good","expires_in":300}"#,
        ))
    };
    serve(Router::new().fallback(handler).with_state(seen)).await
}

#[tokio::test]
async fn a_foreign_token_service_never_sees_the_password() {
    let (to_registry, to_service) = (Seen::default(), Seen::default());
    let service = token_service(Arc::clone(&to_service)).await;
    let server = registry(format!("{service}/token"), Arc::clone(&to_registry)).await;
    let tags = client(&server, ann())
        .tags(&repository())
        .await
        .expect("tags, as nobody");
    assert_eq!(tags, ["1", "2"]);
    assert_eq!(*to_service.lock().expect("a lock"), [None]);
}

#[tokio::test]
async fn an_allowed_token_service_sees_it_and_the_token_is_kept() {
    let (to_registry, to_service) = (Seen::default(), Seen::default());
    let service = token_service(Arc::clone(&to_service)).await;
    let server = registry(format!("{service}/token"), Arc::clone(&to_registry)).await;
    let mut options = ClientOptions::new(&server).with_credential(ann());
    options.token_hosts = vec![service.trim_start_matches("http://").to_owned()];
    let client = Client::new(options).expect("a client");
    for _ in 0..3 {
        client.tags(&repository()).await.expect("tags");
    }
    let sent = to_service.lock().expect("a lock");
    assert_eq!(sent.len(), 1, "one token for all: {sent:?}");
    assert!(
        sent[0]
            .as_deref()
            .is_some_and(|header| header.starts_with("Basic ")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_takes_no_password_along() {
    let seen = Seen::default();
    let other = token_service(Arc::clone(&seen))
        .await
        .replace("127.0.0.1", "localhost");
    let redirect = move || async move {
        (
            StatusCode::TEMPORARY_REDIRECT,
            [("location", format!("{other}/x"))],
        )
    };
    let server = serve(Router::new().fallback(redirect)).await;
    // What the other host answers is no list of tags; only what it was sent matters.
    drop(client(&server, ann()).tags(&repository()).await);
    assert_eq!(*seen.lock().expect("a lock"), [None]);
}

#[tokio::test]
async fn refusals_are_told_by_remedy_and_not_tried_again() {
    for (status, body, expect) in [
        (401, "{}", "Unauthorized"),
        (403, "{}", "Forbidden"),
        (404, "{}", "NotFound"),
        (
            409,
            r#"{"errors":[{"code":"DENIED","message":"it is published"}]}"#,
            "Refused",
        ),
        (
            507,
            r#"{"errors":[{"code":"DENIED","message":"no room"}]}"#,
            "Full",
        ),
    ] {
        let count = Arc::new(Mutex::new(0));
        let handler = {
            let count = Arc::clone(&count);
            move || async move {
                *count.lock().expect("a lock") += 1;
                (StatusCode::from_u16(status).expect("a status"), body)
            }
        };
        let server = serve(Router::new().fallback(handler)).await;
        let error = client(&server, None)
            .tags(&repository())
            .await
            .expect_err("refused");
        assert!(
            format!("{error:?}").starts_with(expect),
            "{status}: {error:?}"
        );
        assert_eq!(*count.lock().expect("a lock"), 1, "{status}");
        if status == 409 {
            assert!(error.to_string().contains("it is published"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let count = Arc::new(Mutex::new(0));
    let handler = {
        let count = Arc::clone(&count);
        move || async move {
            let mut count = count.lock().expect("a lock");
            *count += 1;
            match *count {
                1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                2 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response(),
                _ => r#"{"name":"library/x","tags":[]}"#.into_response(),
            }
        }
    };
    let server = serve(Router::new().fallback(handler)).await;
    assert!(
        client(&server, None)
            .tags(&repository())
            .await
            .expect("the third answer")
            .is_empty()
    );
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let mut options = ClientOptions::new(server);
    options.attempts = 2;
    let client = Client::new(options).expect("a client");
    assert!(matches!(
        client.ping().await,
        Err(ClientError::Retryable { .. })
    ));
}
