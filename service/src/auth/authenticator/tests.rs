//! Right passwords, wrong ones, and files that are no good.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::{AuthConfig, AuthError, Authenticator, NOBODY, Principal};

fn header(user: &str, password: &str) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    HeaderValue::from_str(&text).expect("a header")
}

fn with_user(folder: &std::path::Path, password: &str) -> AuthConfig {
    let path = folder.join("htpasswd");
    let hash = bcrypt::hash(password, 10).expect("a hash");
    std::fs::write(&path, format!("# people\nann:{hash}\n")).expect("written");
    AuthConfig {
        htpasswd: Some(path),
        ..AuthConfig::default()
    }
}

#[test]
fn nobody_has_a_hash_that_is_really_checked() {
    assert!(!bcrypt::verify("x", NOBODY).expect("a hash that can be read"));
}

#[tokio::test]
async fn lets_in_who_knows_the_password_and_remembers_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let auth = Authenticator::new(&with_user(folder.path(), "secret")).expect("users");
    let right = header("ann", "secret");
    assert_eq!(auth.check(&right).await, Ok(Principal::User("ann".into())));
    let started = Instant::now();
    assert_eq!(auth.check(&right).await, Ok(Principal::User("ann".into())));
    assert!(
        started.elapsed() < Duration::from_millis(5),
        "{:?}",
        started.elapsed()
    );
    for (user, password) in [
        ("ann", "Secret"),
        ("bob", "secret"),
        ("ann", ""),
        ("packyard-internal", "secret"),
    ] {
        assert_eq!(
            auth.check(&header(user, password)).await,
            Err(AuthError::Wrong),
            "{user}"
        );
    }
    for text in ["Bearer abc", "Basic", "Basic ???", "Basic YQ=="] {
        let header = HeaderValue::from_static(text);
        assert_eq!(
            auth.check(&header).await,
            Err(AuthError::Malformed),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_internal_credential_works_without_users() {
    let auth = Authenticator::new(&AuthConfig::default()).expect("no users");
    let internal = auth.internal();
    assert_eq!(
        auth.check(&header(&internal.user, &internal.password))
            .await,
        Ok(Principal::Internal)
    );
    assert!(!format!("{internal:?}").contains(&internal.password));
    assert!(!auth.has_users());
}

#[test]
fn a_weak_or_broken_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("htpasswd");
    for (text, expect) in [
        (
            "\nann:$apr1$abc\n",
            ":2: the password is not hashed with bcrypt",
        ),
        ("ann\n", ":1: the line has no colon"),
        (":x\n", ":1: the user is empty"),
    ] {
        std::fs::write(&path, text).expect("written");
        let config = AuthConfig {
            htpasswd: Some(path.clone()),
            ..AuthConfig::default()
        };
        let told = Authenticator::new(&config)
            .err()
            .expect("refused")
            .to_string();
        assert!(
            told.contains(expect) && told.contains("htpasswd -B"),
            "{told}"
        );
    }
}
