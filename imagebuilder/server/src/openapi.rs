//! The description of this API, to be merged with the registry's.

use utoipa::OpenApi;

use crate::{admin, builds, events, images, lifecycle};

#[derive(OpenApi)]
#[openapi(
    paths(
        images::ensure_image,
        images::list_images,
        images::show_image,
        images::explain_image,
        images::diff_images,
        lifecycle::collect_images,
        lifecycle::revoke_image,
        lifecycle::image_dependants,
        lifecycle::list_holds,
        lifecycle::hold_image,
        lifecycle::release_image,
        builds::list_builds,
        builds::show_build,
        builds::cancel_build,
        builds::pause_build,
        builds::resume_build,
        builds::prioritize_build,
        builds::build_logs,
        builds::build_timeline,
        events::build_events,
        admin::list_workers,
        admin::drain,
        admin::reap,
    ),
    tags(
        (name = "images", description = "Images: ensure that one exists, and what it is made of"),
        (name = "builds", description = "Builds: watch, cancel, pause, read the logs"),
        (name = "operations", description = "Workers: see them, drain them, remove leftovers"),
    )
)]
struct Api;

/// The paths of images and builds.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
