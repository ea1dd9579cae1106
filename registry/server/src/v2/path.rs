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
#[derive(Debug, PartialEq, Eq)]
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
