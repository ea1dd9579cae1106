//! The engine's errors as problem bodies: the one place where they meet HTTP.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use http::StatusCode;
use imagebuilder_engine::EngineError;
use service::Problem;

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
    Problem::bad_request(rejection.body_text())
        .with_remedy("send JSON such as {\"profile\": \"library/profiles/NAME:VERSION\"} with content-type application/json")
}

pub(crate) fn bad_query(rejection: &QueryRejection) -> Problem {
    Problem::bad_request(rejection.body_text())
}
