//! All routes of the registry. Who may call them, and over what, is decided around it.

use axum::Router;
use axum::routing::any;

use crate::state::RegistryState;
use crate::{api, v2};

/// `/v2` and the registry's part of `/api/v1`, on an open registry.
pub fn router(state: RegistryState) -> Router {
    // One handler for all of /v2: names contain slashes, so it reads the path itself.
    Router::new()
        .route("/v2", any(v2::serve))
        .route("/v2/", any(v2::serve))
        .route("/v2/{*path}", any(v2::serve))
        .merge(api::router())
        .with_state(state)
}
