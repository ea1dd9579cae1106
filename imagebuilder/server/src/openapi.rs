//! The description of this API, to be merged with the registry's.

use utoipa::OpenApi;

use crate::{builds, events, images};

#[derive(OpenApi)]
#[openapi(
    paths(
        images::ensure_image,
        images::list_images,
        images::show_image,
        images::explain_image,
        images::diff_images,
        builds::list_builds,
        builds::show_build,
        builds::cancel_build,
        builds::build_logs,
        events::build_events,
    ),
    tags(
        (name = "images", description = "Images: ensure that one exists, and what it is made of"),
        (name = "builds", description = "Builds: watch, cancel, read the logs"),
    )
)]
struct Api;

/// The paths of images and builds.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
