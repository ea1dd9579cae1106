//! Every route of the builder.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use imagebuilder_engine::Engine;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{admin, builds, events, images, lifecycle, live};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) engine: Engine,
    /// Live streams end with the server.
    pub(crate) stop: CancellationToken,
    /// Live streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}

pub(crate) fn router(engine: Engine, stop: CancellationToken) -> Router {
    Router::new()
        .route(
            "/api/v1/images",
            get(images::list_images).post(images::ensure_image),
        )
        .route("/api/v1/images/{signature}", get(images::show_image))
        .route(
            "/api/v1/images/{signature}/explain",
            get(images::explain_image),
        )
        .route(
            "/api/v1/images/{signature}/diff/{other}",
            get(images::diff_images),
        )
        .route("/api/v1/images/gc", post(lifecycle::collect_images))
        .route(
            "/api/v1/images/{signature}/revoke",
            post(lifecycle::revoke_image),
        )
        .route(
            "/api/v1/images/{signature}/dependants",
            get(lifecycle::image_dependants),
        )
        .route(
            "/api/v1/images/{signature}/holds",
            get(lifecycle::list_holds),
        )
        .route(
            "/api/v1/images/{signature}/holds/{holder}",
            put(lifecycle::hold_image).delete(lifecycle::release_image),
        )
        .route("/api/v1/builds", get(builds::list_builds))
        .route("/api/v1/builds/{id}", get(builds::show_build))
        .route("/api/v1/builds/{id}/events", get(events::build_events))
        .route("/api/v1/builds/{id}/logs", get(builds::build_logs))
        .route(
            "/api/v1/builds/{id}/timeline.svg",
            get(builds::build_timeline),
        )
        .route("/api/v1/builds/{id}/cancel", post(builds::cancel_build))
        .route("/api/v1/builds/{id}/pause", post(builds::pause_build))
        .route("/api/v1/builds/{id}/resume", post(builds::resume_build))
        .route(
            "/api/v1/builds/{id}/priority",
            post(builds::prioritize_build),
        )
        .route("/api/v1/admin/workers", get(admin::list_workers))
        .route("/api/v1/admin/drain", post(admin::drain))
        .route("/api/v1/admin/reap", post(admin::reap))
        .with_state(AppState {
            engine,
            stop,
            streams: live::places(),
        })
}
