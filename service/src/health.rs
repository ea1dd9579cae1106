//! `/healthz`, `/readyz` and `/metrics`.
//!
//! Healthy means that the process answers; ready means that it wants work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::problem::Problem;

/// Whether this process wants work.
#[derive(Clone, Debug)]
pub struct Readiness {
    started: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Readiness {
    /// Not ready yet; not ready again once `stopping` is cancelled.
    pub fn new(stopping: CancellationToken) -> Self {
        Self {
            started: Arc::new(AtomicBool::new(false)),
            stopping,
        }
    }

    /// Everything runs.
    pub fn set_ready(&self) {
        self.started.store(true, Ordering::Release);
    }

    fn is_ready(&self) -> bool {
        self.started.load(Ordering::Acquire) && !self.stopping.is_cancelled()
    }
}

/// The three routes.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
        .route("/metrics", get(text).with_state(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    if readiness.is_ready() {
        return "ready\n".into_response();
    }
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-ready",
        "the server is starting or stopping",
    )
    .with_remedy("ask again in a second, or ask another instance")
    .into_response()
}

async fn text(State(metrics): State<Metrics>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt as _;

    use super::{CancellationToken, Metrics, Readiness, StatusCode, router};

    async fn status(readiness: &Readiness, path: &str) -> StatusCode {
        let routes = router(readiness.clone(), Metrics::new().expect("counters"));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        routes.oneshot(request).await.expect("an answer").status()
    }

    #[tokio::test]
    async fn ready_only_between_start_and_stop() {
        let stop = CancellationToken::new();
        let readiness = Readiness::new(stop.clone());
        assert_eq!(
            status(&readiness, "/readyz").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
        readiness.set_ready();
        assert_eq!(status(&readiness, "/readyz").await, StatusCode::OK);
        assert_eq!(status(&readiness, "/metrics").await, StatusCode::OK);
        stop.cancel();
        assert_eq!(
            status(&readiness, "/readyz").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(status(&readiness, "/healthz").await, StatusCode::OK);
    }
}
