//! Errors of `/v2`, in the specification's form and with its codes only.
//!
//! One exhaustive table says what each error of the store becomes. A failure of
//! our own is logged whole and told without its cause.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use registry_store::StoreError;
use serde_json::{Value, json};

/// The codes of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Denied,
    Unsupported,
    TooManyRequests,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
        }
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct OciError {
    pub(crate) status: StatusCode,
    code: Option<Code>,
    message: String,
    /// What few errors have, out of the way of the others.
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    detail: Value,
    headers: HeaderMap,
}

impl OciError {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            status,
            code: Some(code),
            message: message.into(),
            more: None,
        }
    }

    pub(crate) fn bad_request(code: Code, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn not_found(code: Code, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message)
    }

    /// A failure of our own: logged with its cause, told without.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        log(error);
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: None,
            message: "the registry failed; its log has the cause".to_owned(),
            more: None,
        }
    }

    pub(crate) fn with_detail(mut self, detail: Value) -> Self {
        self.more().detail = detail;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more().headers.insert(name, value);
        self
    }

    /// The chunk does not begin where the upload stands: says where that is.
    pub(crate) fn wrong_range(location: &str, offset: u64, message: String) -> Self {
        let mut error = Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            Code::BlobUploadInvalid,
            message,
        );
        if let Ok(location) = HeaderValue::from_str(location) {
            error = error.with_header(LOCATION, location);
        }
        error.with_header(RANGE, super::uploads::range(offset))
    }

    fn unavailable(status: StatusCode, code: Code, error: &StoreError) -> Self {
        log(error);
        let mut refused = Self::new(status, code, error.to_string());
        refused.message = match error {
            StoreError::Full { .. } => "the registry's disk is full; free some space".to_owned(),
            StoreError::Overloaded
            | StoreError::Collision { .. }
            | StoreError::DatabaseAway { .. } => error.to_string(),
            StoreError::Unavailable { .. } => {
                "the registry's object store does not answer; try again in a minute".to_owned()
            }
            _ => "the registry's disk is read-only".to_owned(),
        };
        refused.with_header(RETRY_AFTER, HeaderValue::from_static("60"))
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }
}

impl From<StoreError> for OciError {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let message = error.to_string();
        match &error {
            E::RepositoryUnknown { .. } => Self::not_found(Code::NameUnknown, message),
            E::ManifestUnknown { .. } => Self::not_found(Code::ManifestUnknown, message),
            E::BlobUnknown { .. } => Self::not_found(Code::BlobUnknown, message),
            E::UploadUnknown { .. } => Self::not_found(Code::BlobUploadUnknown, message),
            E::UploadBusy { .. } => {
                Self::new(StatusCode::CONFLICT, Code::BlobUploadInvalid, message)
            }
            E::TooManyUploads { .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                Code::TooManyRequests,
                message,
            )
            .with_header(RETRY_AFTER, HeaderValue::from_static("60")),
            E::DigestMismatch { .. } => Self::bad_request(Code::DigestInvalid, message),
            E::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message)
            }
            E::MissingReferences { missing, .. } => {
                let detail = json!({ "missing": missing });
                Self::bad_request(Code::ManifestBlobUnknown, message).with_detail(detail)
            }
            E::TagImmutable { tag, current, .. } => {
                let detail = json!({ "tag": tag, "digest": current });
                Self::new(StatusCode::CONFLICT, Code::Denied, message).with_detail(detail)
            }
            E::TagDiffers { tag, current, .. } => {
                let detail = json!({ "tag": tag, "digest": current });
                Self::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message)
                    .with_detail(detail)
            }
            E::TagReserved { .. } => Self::new(StatusCode::CONFLICT, Code::Denied, message),
            E::BlobInUse { .. } | E::ManifestInUse { .. } => Self::unsupported(message),
            E::Body(cause) if timed_out(&**cause) => {
                let message = "nothing came for too long; ask where the upload stands and go on";
                Self::new(
                    StatusCode::REQUEST_TIMEOUT,
                    Code::BlobUploadInvalid,
                    message,
                )
            }
            E::Body(_) => Self::bad_request(Code::BlobUploadInvalid, message),
            E::Full { .. } => {
                Self::unavailable(StatusCode::INSUFFICIENT_STORAGE, Code::Denied, &error)
            }
            E::ReadOnly { .. } => {
                Self::unavailable(StatusCode::SERVICE_UNAVAILABLE, Code::Denied, &error)
            }
            E::Overloaded
            | E::Collision { .. }
            | E::DatabaseAway { .. }
            | E::Unavailable { .. } => Self::unavailable(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::TooManyRequests,
                &error,
            ),
            _ => Self::internal(&error),
        }
    }
}

impl IntoResponse for OciError {
    fn into_response(self) -> Response {
        let more = self.more.map(|more| *more).unwrap_or_default();
        let mut response = match self.code {
            Some(code) => {
                let mut error = json!({ "code": code.as_str(), "message": self.message });
                if !more.detail.is_null() {
                    error["detail"] = more.detail;
                }
                Json(json!({ "errors": [error] })).into_response()
            }
            // The specification has no code for this, and says so by speaking of 4xx only.
            None => {
                let mut response = self.message.into_response();
                response.headers_mut().insert(
                    CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; charset=utf-8"),
                );
                response
            }
        };
        *response.status_mut() = self.status;
        response.headers_mut().extend(more.headers);
        response
    }
}

fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    let own = error.downcast_ref::<std::io::Error>();
    own.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
        || error.source().is_some_and(timed_out)
}

fn log(error: &(dyn std::error::Error + 'static)) {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        next = cause.source();
    }
    tracing::error!(cause = %chain, "a request failed for a reason of our own");
}
