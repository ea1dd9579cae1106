//! Understands refusals: status and body of an answer become an error that
//! says what to do.

use std::time::Duration;

use oci_distribution::errors::{OciEnvelope, OciError, OciErrorCode};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::error::ClientError;

/// What an answer that is no success means.
pub(crate) fn refusal(
    server: String,
    what: &str,
    status: StatusCode,
    after: Option<Duration>,
    body: &[u8],
) -> ClientError {
    let what = what.to_owned();
    let message = message(status, body);
    if has_code(body, &OciErrorCode::DigestInvalid) {
        return ClientError::Corrupt {
            what,
            expected: "the one that was announced".to_owned(),
            actual: message,
        };
    }
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ClientError::NotFound { what, server },
        StatusCode::UNAUTHORIZED => ClientError::Unauthorized { server, message },
        StatusCode::FORBIDDEN => ClientError::Forbidden {
            server,
            what,
            message,
        },
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::RANGE_NOT_SATISFIABLE => ClientError::Retryable {
            server,
            what,
            message,
            after,
        },
        // After a cut the server may still be at the request that was cut.
        StatusCode::CONFLICT if has_code(body, &OciErrorCode::BlobUploadInvalid) => {
            ClientError::Retryable {
                server,
                what,
                message,
                after,
            }
        }
        StatusCode::NOT_IMPLEMENTED => ClientError::Unsupported {
            server,
            what,
            message,
        },
        StatusCode::INSUFFICIENT_STORAGE => ClientError::Full {
            server,
            what,
            message,
        },
        _ if status.is_server_error() => ClientError::Retryable {
            server,
            what,
            message,
            after,
        },
        _ if status.is_client_error() => ClientError::Refused {
            server,
            what,
            message,
        },
        _ => ClientError::Protocol {
            server,
            what,
            message,
        },
    }
}

/// When the server wants to be asked again.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn has_code(body: &[u8], code: &OciErrorCode) -> bool {
    serde_json::from_slice::<OciEnvelope>(body)
        .is_ok_and(|envelope| envelope.errors.iter().any(|error| error.code == *code))
}

/// What the server said, from either form of error body, for people.
fn message(status: StatusCode, body: &[u8]) -> String {
    if let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) {
        let told: Vec<String> = envelope.errors.iter().map(oci_message).collect();
        if !told.is_empty() {
            return told.join("; ");
        }
    }
    if let Ok(problem) = serde_json::from_slice::<serde_json::Value>(body) {
        let text = |key: &str| problem.get(key).and_then(serde_json::Value::as_str);
        if let Some(detail) = text("detail").or_else(|| text("title")) {
            return match text("remedy") {
                Some(remedy) => format!("{detail}; {remedy}"),
                None => detail.to_owned(),
            };
        }
    }
    format!("it answered {status}")
}

fn oci_message(error: &OciError) -> String {
    match &error.detail {
        serde_json::Value::String(detail) if !detail.is_empty() => {
            format!("{}: {detail}", error.message)
        }
        serde_json::Value::Object(more) => {
            let told: Vec<String> = more
                .iter()
                .map(|(key, value)| match value {
                    serde_json::Value::String(text) => format!("{key}: {text}"),
                    other => format!("{key}: {other}"),
                })
                .collect();
            match told.is_empty() {
                true => error.message.clone(),
                false => format!("{} ({})", error.message, told.join(", ")),
            }
        }
        _ => error.message.clone(),
    }
}
