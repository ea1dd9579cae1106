//! The bounds of the registry, as people read them.

use registry_pack::{PackName, RepositoryName, Tag};
use service::limits::Limit;

use crate::state::RegistryConfig;
use crate::{api, v2};

/// Bounds of names, bodies, pages and uploads.
pub fn limits(config: &RegistryConfig) -> Vec<Limit> {
    [names(), bodies(config), pages(), archives(config)].concat()
}

fn names() -> Vec<Limit> {
    vec![
        Limit::fixed(
            "name of a repository, characters",
            RepositoryName::MAX_LEN,
            "400 `NAME_INVALID`",
        ),
        Limit::fixed(
            "name of a pack, characters",
            PackName::MAX_LEN,
            "refused by lint",
        ),
        Limit::fixed(
            "tag, characters",
            Tag::MAX_LEN,
            "400 `MANIFEST_INVALID` on a push, else 404 `MANIFEST_UNKNOWN`",
        ),
        Limit::fixed("tags set by one push", v2::TAGS, "414 `MANIFEST_INVALID`"),
        Limit::fixed(
            "repositories that a mount without `from` looks at",
            v2::HOLDERS,
            "202, an upload begins",
        ),
    ]
}

fn bodies(config: &RegistryConfig) -> Vec<Limit> {
    let store = config.store();
    vec![
        Limit::fixed("blob, bytes", config.max_blob_bytes, "413 `SIZE_INVALID`")
            .by("registry.max_blob_bytes"),
        Limit::fixed(
            "manifest, bytes",
            v2::MANIFEST_BYTES,
            "413 `MANIFEST_INVALID`",
        ),
        Limit::fixed(
            "nesting of a manifest, levels",
            v2::MANIFEST_DEPTH,
            "400 `MANIFEST_INVALID`",
        ),
        Limit::fixed(
            "open uploads of a repository",
            store.max_uploads,
            "429 `TOOMANYREQUESTS` and `Retry-After`",
        ),
        Limit::fixed(
            "an upload that nobody touches",
            format!("{} h", store.upload_lifetime.as_secs() / 3600),
            "404 `BLOB_UPLOAD_UNKNOWN`",
        )
        .by("registry.upload_lifetime_secs"),
        Limit::fixed(
            "a request waits for the database",
            format!("{} s", registry_store::DATABASE_WAIT.as_secs()),
            "503 `TOOMANYREQUESTS` and `Retry-After`",
        ),
        Limit::fixed("a warning, characters", v2::WARNING_CHARS, "it is cut"),
    ]
}

fn pages() -> Vec<Limit> {
    const CUT: &str = "the page is cut, `Link` leads on";
    vec![
        Limit::fixed("page of tags", v2::TAGS_PAGE, CUT),
        Limit::fixed("page of repositories", v2::CATALOG_PAGE, CUT),
        Limit::fixed("page of referrers", v2::REFERRERS_PAGE, CUT),
        Limit::fixed(
            "annotations in a page of referrers, bytes",
            v2::REFERRERS_PAGE_BYTES,
            CUT,
        ),
        Limit::fixed(
            "page of packs or profiles",
            api::PAGE_MAX,
            "the page is cut, `next` leads on",
        ),
    ]
}

fn archives(config: &RegistryConfig) -> Vec<Limit> {
    const UNLISTED: &str = "stored, not listed as a pack; with `enforce` 422";
    let limits = &config.archive_limits;
    vec![
        Limit::fixed("archive of a pack, bytes", limits.archive_bytes, UNLISTED),
        Limit::fixed("entries of an archive", limits.entries, UNLISTED),
        Limit::fixed("archive unpacked, bytes", limits.unpacked_bytes, UNLISTED),
        Limit::fixed("one file of a pack, bytes", limits.file_bytes, UNLISTED),
        Limit::fixed(
            "bytes out of an archive for each byte in",
            limits.ratio,
            UNLISTED,
        ),
        Limit::fixed("text of a pack, bytes", limits.text_bytes, UNLISTED),
        Limit::fixed("path in a pack, bytes", limits.path_bytes, UNLISTED),
        Limit::fixed("folders within folders", limits.depth, UNLISTED),
    ]
}
