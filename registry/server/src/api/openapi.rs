//! The description of this API. The image builder's part is added by whoever serves both.

use utoipa::OpenApi;

use super::{fsck, gc, packs, profiles};

#[derive(OpenApi)]
#[openapi(
    info(title = "Packyard", description = "Packs, profiles and images"),
    paths(
        packs::list_packs, packs::show_pack, profiles::list_profiles, profiles::show_profile,
        gc::begin_collection, gc::show_collection,
        fsck::start_fsck, fsck::show_fsck, fsck::stop_fsck,
    ),
    tags(
        (name = "packs", description = "What the registry knows of the packs in it"),
        (name = "profiles", description = "What the registry knows of the cluster profiles in it"),
        (name = "admin", description = "What keeps the registry in order"),
    )
)]
struct Document;

/// The description of `/api/v1/packs`, `/api/v1/profiles` and `/api/v1/admin`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
