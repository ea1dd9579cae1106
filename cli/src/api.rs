//! Requests to `/api/v1` that answer with JSON.

use registry_client::Client;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::CliError;

/// The largest answer that is read.
const MAX_BYTES: usize = 32 << 20;
/// A list this long is not for reading any more.
const MAX_PAGES: usize = 10_000;

/// GET; `what` is how errors call the thing.
pub(crate) async fn get<T: DeserializeOwned>(
    client: &Client,
    what: &str,
    path: &str,
) -> Result<T, CliError> {
    let response = client
        .request(what, Method::GET, path, |request| request)
        .await?;
    read(client, what, response).await
}

/// POST with a JSON body.
pub(crate) async fn post<T: DeserializeOwned>(
    client: &Client,
    what: &str,
    path: &str,
    body: &impl Serialize,
) -> Result<T, CliError> {
    let response = client
        .request(what, Method::POST, path, |request| request.json(body))
        .await?;
    read(client, what, response).await
}

/// Any method, with a JSON body or none.
pub(crate) async fn send<T: DeserializeOwned>(
    client: &Client,
    what: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<T, CliError> {
    let response = client
        .request(what, method, path, |request| match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await?;
    read(client, what, response).await
}

async fn read<T: DeserializeOwned>(
    client: &Client,
    what: &str,
    response: reqwest::Response,
) -> Result<T, CliError> {
    let bytes = client.body(what, response, MAX_BYTES).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        CliError::failed(format!("the server's answer about {what} cannot be read"))
            .caused_by(&error)
            .hint("is the server of the same version as this program? `packyard --version` tells yours")
    })
}

/// All pages of a list whose items are under `key` and whose next page is under `next`.
pub(crate) async fn list(
    client: &Client,
    what: &str,
    path: &str,
    key: &str,
) -> Result<Vec<Value>, CliError> {
    let mut items = Vec::new();
    let mut last: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let response = client
            .request(what, Method::GET, path, |request| match &last {
                Some(last) => request.query(&[("last", last)]),
                None => request,
            })
            .await?;
        let mut page: Value = read(client, what, response).await?;
        if let Some(Value::Array(more)) = page.get_mut(key).map(Value::take) {
            items.extend(more);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) if last.as_deref() != Some(next) => last = Some(next.to_owned()),
            _ => break,
        }
    }
    Ok(items)
}

/// `{key: items}`, as the API itself answers.
pub(crate) fn listed(key: &str, items: &[Value]) -> Value {
    json!({ key: items })
}

/// A path segment with everything that is no plain character escaped.
pub(crate) fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
