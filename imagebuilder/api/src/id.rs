//! Identifiers that are plain text with a grammar.
//!
//! The content-made ones, stage id and signature, are in `signature`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}: {remedy}")]
pub struct ParseIdError {
    /// What it should have been.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// How it is written.
    pub remedy: &'static str,
}

impl ParseIdError {
    pub(crate) fn new(what: &'static str, text: &str, remedy: &'static str) -> Self {
        // A caller may send anything; the message stays readable.
        let text = text.chars().take(100).collect();
        Self { what, text, remedy }
    }
}

/// The name of one build. The server makes it; it is safe in paths and in tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(
    example = "019abcde-0000-7000-8000-000000000000",
    pattern = "^[a-z0-9][a-z0-9-]{0,63}$"
)]
pub struct BuildId(String);

impl BuildId {
    const MAX_LEN: usize = 64;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BuildId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty()
            || text.len() > Self::MAX_LEN
            || text.starts_with('-')
            || !text.bytes().all(plain)
        {
            return Err(ParseIdError::new(
                "build id",
                text,
                "1 to 64 of a-z, 0-9 and '-', not beginning with '-'",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BuildId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<BuildId> for String {
    fn from(id: BuildId) -> Self {
        id.0
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
