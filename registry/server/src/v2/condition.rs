//! Pushes that depend on what the tag is: so clients that keep a list under a tag do
//! not overwrite each other's.

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};
use registry_store::Condition;

/// What a push by tag asks of the tag, RFC 9110: `If-None-Match: *`, or `If-Match`.
///
/// An entity tag that cannot be one of ours matches nothing.
pub(crate) fn condition(headers: &HeaderMap) -> Condition {
    let listed = |name: HeaderName| {
        let values = headers.get_all(name).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let tags = texts.flat_map(|value| value.split(','));
        tags.map(|tag| tag.trim().to_owned()).collect::<Vec<_>>()
    };
    let wanted = listed(IF_MATCH);
    if wanted.iter().any(|tag| tag == "*") {
        return Condition::Present;
    }
    if !wanted.is_empty() {
        let digests = wanted
            .iter()
            .filter_map(|tag| tag.trim_matches('"').parse().ok());
        return Condition::OneOf(digests.collect());
    }
    match listed(IF_NONE_MATCH).iter().any(|tag| tag == "*") {
        true => Condition::Absent,
        false => Condition::None,
    }
}
