//! The few header fields that need more than a look: ranges and entity tags.

use std::ops::Range;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, IF_RANGE, RANGE, WARNING};
use http::{HeaderMap, HeaderName, HeaderValue};
use registry_pack::Digest;

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(crate) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(crate) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(crate) const NO_SNIFF: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-content-type-options"),
    HeaderValue::from_static("nosniff"),
);

/// The length that the client announced.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The media type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let bare = value.split(';').next().unwrap_or(value).trim();
    (!bare.is_empty()).then_some(bare)
}

/// `Content-Range` as the specification writes it for chunks: `<first>-<last>`.
pub(crate) fn chunk_range(value: &HeaderValue) -> Option<Range<u64>> {
    let (first, last) = value.to_str().ok()?.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..last.checked_add(1)?)
}

/// A digest as a header's value; its characters are always allowed there.
pub(crate) fn digest_value(digest: &Digest) -> HeaderValue {
    HeaderValue::from_str(digest.as_str()).unwrap_or(HeaderValue::from_static(""))
}

/// The strong entity tag of content: its digest in quotes.
pub(crate) fn etag(digest: &Digest) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The warnings of an answer may have 4096 bytes together; three of these fit.
pub(crate) const WARNING_CHARS: usize = 1300;

/// Adds a `Warning` as the specification writes it, with what may stand between quotes.
pub(crate) fn warn(headers: &mut HeaderMap, text: &str) {
    let text: String = text
        .chars()
        .take(WARNING_CHARS)
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => ' ',
        })
        .collect();
    if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
        headers.append(WARNING, value);
    }
}

/// Whether the client has this content already.
pub(crate) fn is_unchanged(headers: &HeaderMap, digest: &Digest) -> bool {
    let matches = |tag: &str| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == digest.as_str()
    };
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(matches))
}

/// What a request asks for of content with this size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    Part(Range<u64>),
    Nothing,
}

/// Reads `Range`. What is no single range of bytes is ignored, as RFC 9110 says.
pub(crate) fn wanted(headers: &HeaderMap, digest: &Digest, size: u64) -> Wanted {
    let Some(value) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::All;
    };
    let same = |tag: &HeaderValue| {
        tag.to_str()
            .is_ok_and(|tag| tag.trim_matches('"') == digest.as_str())
    };
    if headers.get(IF_RANGE).is_some_and(|tag| !same(tag)) {
        return Wanted::All;
    }
    parse_range(value, size).unwrap_or(Wanted::All)
}

fn parse_range(value: &str, size: u64) -> Option<Wanted> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let satisfiable = |range: Range<u64>| {
        if range.start < range.end {
            Wanted::Part(range)
        } else {
            Wanted::Nothing
        }
    };
    if first.is_empty() {
        let length: u64 = last.parse().ok()?;
        return Some(satisfiable(size.saturating_sub(length)..size));
    }
    let first: u64 = first.parse().ok()?;
    let end = match last {
        "" => size,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    Some(satisfiable(first..end))
}
