//! Asks a token service for a token, as the distribution project specifies it.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::credentials::Credential;

/// What the specification says when the service names no time.
const DEFAULT_VALIDITY_SECS: u64 = 60;
/// Ask for a new one a little before the old one ends.
const EARLY_SECS: u64 = 5;
/// Tokens are a few kilobytes.
const MAX_BYTES: usize = 64 << 10;

/// A token and how long it may be used.
pub(super) struct Fetched {
    pub(super) token: String,
    pub(super) valid_for: Duration,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Fetches a token; the error is for people and never holds a secret.
pub(super) async fn fetch(
    http: &reqwest::Client,
    realm: &Url,
    service: Option<&str>,
    scope: Option<&str>,
    credential: Option<&Credential>,
) -> Result<Fetched, String> {
    let mut url = realm.clone();
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    if let Some(scope) = scope {
        url.query_pairs_mut().append_pair("scope", scope);
    }
    let mut request = http.get(url);
    request = match credential {
        Some(Credential::Password { user, password }) => request.basic_auth(user, Some(password)),
        Some(Credential::Token(token)) => request.bearer_auth(token),
        None => request,
    };
    let failed =
        |error: reqwest::Error| format!("the token service failed: {}", error.without_url());
    let mut response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("the token service answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len() + piece.len() > MAX_BYTES {
            return Err("the token service's answer is too large".to_owned());
        }
        body.extend_from_slice(&piece);
    }
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| "the token service's answer cannot be read".to_owned())?;
    let token = answer
        .token
        .or(answer.access_token)
        .ok_or_else(|| "the token service gave no token".to_owned())?;
    let validity = answer.expires_in.unwrap_or(DEFAULT_VALIDITY_SECS);
    Ok(Fetched {
        token,
        valid_for: Duration::from_secs(validity.saturating_sub(EARLY_SECS).max(1)),
    })
}
