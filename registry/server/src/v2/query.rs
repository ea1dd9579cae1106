//! Query parameters and pages.

use axum::extract::Query;
use http::Uri;

use super::error::{Code, OciError};

/// The parameters of a request in their order; a name may come more than once.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Result<Self, OciError> {
        match Query::<Vec<(String, String)>>::try_from_uri(uri) {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(_) => Err(OciError::bad_request(
                Code::Unsupported,
                "the query cannot be read; write it as name=value&name=value",
            )),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The page that `n` and `last` ask for, at most `limit` long.
    pub(crate) fn page(&self, limit: u32) -> Result<Page<'_>, OciError> {
        let size = match self.get("n") {
            None => limit,
            Some(text) => parse_size(text)?.min(limit),
        };
        Ok(Page {
            size,
            last: self.get("last").unwrap_or(""),
        })
    }
}

/// A page: how many at most, and after which name.
pub(crate) struct Page<'a> {
    pub(crate) size: u32,
    pub(crate) last: &'a str,
}

impl Page<'_> {
    /// One more than is shown, so that it is known whether there is another page.
    pub(crate) fn fetch(&self) -> u32 {
        self.size.saturating_add(1)
    }

    /// Cuts a list that was fetched by `fetch`; the link to the next page, if there is one.
    pub(crate) fn cut(&self, path: &str, names: &mut Vec<String>) -> Option<String> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = names.len() > size;
        names.truncate(size);
        let last = names.last().filter(|_| more)?;
        Some(link(&format!(
            "{path}?n={}&last={}",
            self.size,
            encode(last)
        )))
    }
}

/// A `Link` field to the next page.
pub(crate) fn link(target: &str) -> String {
    format!("<{target}>; rel=\"next\"")
}

pub(crate) fn encode(text: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

fn parse_size(text: &str) -> Result<u32, OciError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is more than any page has.
        return Ok(text.parse().unwrap_or(u32::MAX));
    }
    Err(OciError::bad_request(
        Code::Unsupported,
        format!("n={text} is no number of entries; write 0 or more"),
    ))
}
