//! Which endpoint a path under `/v2/` names.
//!
//! Names of repositories contain slashes, so the end of the path decides. It
//! looks at the text only: nothing here knows what is stored.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use registry_pack::{Digest, RepositoryName, Tag};

use super::error::{Code, OciError};

/// What the specification calls end-1 to end-14, by path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Base,
    Catalog,
    Tags(RepositoryName),
    Manifest(RepositoryName, ManifestReference),
    Blob(RepositoryName, Digest),
    StartUpload(RepositoryName),
    Upload(RepositoryName, String),
    Referrers(RepositoryName, Digest),
}

/// How a manifest is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ManifestReference {
    Tag(Tag),
    Digest(Digest),
    /// No tag of anybody can be this: there is no such manifest, and none can be made.
    Impossible(String),
}

/// Parses the path of a request, decoded once.
pub(crate) fn parse(path: &str) -> Result<Endpoint, OciError> {
    let path = if path.contains('%') {
        percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| unknown(path))?
    } else {
        Cow::Borrowed(path)
    };
    let rest = path.strip_prefix("/v2").ok_or_else(|| unknown(&path))?;
    match rest {
        "" | "/" => return Ok(Endpoint::Base),
        "/_catalog" => return Ok(Endpoint::Catalog),
        _ => {}
    }
    let rest = rest.strip_prefix('/').ok_or_else(|| unknown(&path))?;
    let (before, last) = rest.rsplit_once('/').ok_or_else(|| unknown(&path))?;
    let (name, noun) = before.rsplit_once('/').ok_or_else(|| unknown(&path))?;
    match (noun, last) {
        ("manifests", reference) => Ok(Endpoint::Manifest(repository(name)?, manifest(reference)?)),
        ("referrers", text) => Ok(Endpoint::Referrers(repository(name)?, digest(text)?)),
        ("tags", "list") => Ok(Endpoint::Tags(repository(name)?)),
        // Some proxies strip the slash at the end.
        ("blobs", "uploads") => Ok(Endpoint::StartUpload(repository(name)?)),
        ("blobs", text) => Ok(Endpoint::Blob(repository(name)?, digest(text)?)),
        ("uploads", id) => {
            let name = name.strip_suffix("/blobs").ok_or_else(|| unknown(&path))?;
            let name = repository(name)?;
            if id.is_empty() {
                Ok(Endpoint::StartUpload(name))
            } else {
                Ok(Endpoint::Upload(name, id.to_owned()))
            }
        }
        _ => Err(unknown(&path)),
    }
}

fn repository(text: &str) -> Result<RepositoryName, OciError> {
    text.parse().map_err(|error: registry_pack::ParseError| {
        OciError::bad_request(Code::NameInvalid, error.to_string())
    })
}

pub(crate) fn digest(text: &str) -> Result<Digest, OciError> {
    text.parse().map_err(|error: registry_pack::ParseError| {
        OciError::bad_request(Code::DigestInvalid, error.to_string())
    })
}

fn manifest(text: &str) -> Result<ManifestReference, OciError> {
    if text.contains(':') {
        return Ok(ManifestReference::Digest(digest(text)?));
    }
    Ok(match text.parse() {
        Ok(tag) => ManifestReference::Tag(tag),
        Err(_) => ManifestReference::Impossible(text.to_owned()),
    })
}

fn unknown(path: &str) -> OciError {
    OciError::not_found(
        Code::NameUnknown,
        format!("the registry has nothing at {path}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let found = match parse(path) {
            Ok(Endpoint::Base) => "base".to_owned(),
            Ok(Endpoint::Catalog) => "catalog".to_owned(),
            Ok(Endpoint::Tags(name)) => format!("tags {name}"),
            Ok(Endpoint::Manifest(name, ManifestReference::Tag(tag))) => {
                format!("manifest {name} {tag}")
            }
            Ok(Endpoint::Manifest(name, ManifestReference::Digest(digest))) => {
                format!("manifest {name} {}", &digest.as_str()[..9])
            }
            Ok(Endpoint::Manifest(name, ManifestReference::Impossible(_))) => {
                format!("no tag {name}")
            }
            Ok(Endpoint::Blob(name, digest)) => format!("blob {name} {}", &digest.as_str()[..9]),
            Ok(Endpoint::StartUpload(name)) => format!("start {name}"),
            Ok(Endpoint::Upload(name, id)) => format!("upload {name} {id}"),
            Ok(Endpoint::Referrers(name, digest)) => {
                format!("referrers {name} {}", &digest.as_str()[..9])
            }
            Err(error) => error.status.as_str().to_owned(),
        };
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn the_end_of_a_path_decides() {
        let digest = Digest::sha256(b"");
        let hex = digest.hex();
        check("/v2", "base");
        check("/v2/", "base");
        check("/v2/_catalog", "catalog");
        check("/v2/a/tags/list", "tags a");
        check("/v2/tags/list/tags/list", "tags tags/list");
        check("/v2/a/b/manifests/v1", "manifest a/b v1");
        check(
            "/v2/a/manifests/manifests/manifests",
            "manifest a/manifests manifests",
        );
        check(&format!("/v2/a/manifests/{digest}"), "manifest a sha256:e3");
        check(&format!("/v2/a/blobs/sha256%3a{hex}"), "blob a sha256:e3");
        check(
            &format!("/v2/a/blobs/uploads/blobs/{digest}"),
            "blob a/blobs/uploads sha256:e3",
        );
        check(
            &format!("/v2/a/referrers/{digest}"),
            "referrers a sha256:e3",
        );
        check("/v2/a/blobs/uploads/", "start a");
        check("/v2/a/blobs/uploads", "start a");
        check("/v2/a/blobs/uploads/id", "upload a id");
        check("/v2/a/manifests/-", "no tag a");
        for unknown in [
            "/v1/",
            "/v2x",
            "/v2//",
            "/v2/a",
            "/v2/a/b",
            "/v2/a/tags/other",
            "/v2/a/uploads/id",
        ] {
            check(unknown, "404");
        }
        for bad in [
            "/v2//manifests/v1",
            "/v2/A/tags/list",
            "/v2/a/blobs/x",
            "/v2/a%2F..%2Fb/tags/list",
        ] {
            check(bad, "400");
        }
        check("/v2/%ff/tags/list", "404");
    }
}
