//! How values look in rows and in parameters: times, digests, lists.

use std::time::Duration;

use jiff::Timestamp;
use registry_pack::Digest;

use crate::error::{Result, StoreError};

/// Milliseconds since 1970, as all rows keep them.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A duration as rows and statements take it.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) fn parse_digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|_| StoreError::Damaged {
        what: format!("a row has the digest {text:?}"),
    })
}

/// A list as a query takes it: one JSON array, so that its length has no bound of its own.
pub(super) fn json_array<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> String {
    json_list(&digests.into_iter().map(Digest::as_str).collect::<Vec<_>>())
}

pub(super) fn json_list<T: serde::Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).unwrap_or_else(|_| "[]".to_owned())
}
