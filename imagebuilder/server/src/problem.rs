//! The engine's errors as problem bodies: the one place where they meet HTTP.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use http::StatusCode;
use imagebuilder_engine::EngineError;
use service::Problem;
use utoipa::ToSchema;

/// RFC 9457, as `service::Problem` writes it.
#[derive(ToSchema)]
#[schema(example = json!({"type": "/problems/not-found", "title": "Not Found", "status": 404, "detail": "there is no build none"}))]
#[expect(dead_code, reason = "it describes what another crate writes")]
pub(crate) struct ProblemBody {
    /// Tells kinds of problems apart.
    #[schema(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong.
    detail: String,
    /// What to do about it.
    remedy: Option<String>,
    /// One word for programs, where the profile or a pack is refused.
    reason: Option<String>,
}

pub(crate) fn problem(error: EngineError) -> Problem {
    match error {
        EngineError::Input { reason, message } => {
            Problem::refused("input", message).with("reason", reason)
        }
        EngineError::NotFound { .. } => Problem::not_found(error.to_string()),
        EngineError::Conflict { message } => {
            Problem::new(StatusCode::CONFLICT, "conflict", message)
        }
        EngineError::Quota { message } => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota", message)
        }
        EngineError::Unavailable { reason, message } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
                .with("reason", reason)
        }
        EngineError::Internal(_) => Problem::internal(&error),
    }
}

pub(crate) fn bad_body(rejection: &JsonRejection) -> Problem {
    bad_json(rejection, r#"{"profile": "library/profiles/NAME:VERSION"}"#)
}

/// A body that is not what the route takes.
pub(crate) fn bad_json(rejection: &JsonRejection, example: &str) -> Problem {
    Problem::bad_request(rejection.body_text()).with_remedy(format!(
        "send JSON such as {example} with content-type application/json"
    ))
}

pub(crate) fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::bad_request(rejection.body_text())
}
