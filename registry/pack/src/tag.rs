//! The tag of a manifest, by the grammar of the OCI distribution specification.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text::serde_as_text;

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The longest tag, in characters.
    pub const MAX_LEN: usize = 128;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = |why| {
            ParseError::new(
                "tag",
                text,
                why,
                "use at most 128 letters, digits, '.', '_' and '-', beginning with a letter, a digit or '_'",
            )
        };
        let first = text.bytes().next().ok_or_else(|| refuse("is empty"))?;
        if text.len() > Self::MAX_LEN {
            return Err(refuse("is longer than 128 characters"));
        }
        if !(first.is_ascii_alphanumeric() || first == b'_') {
            return Err(refuse("begins with a character that is not allowed there"));
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        {
            return Err(refuse("has a character that is not allowed"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Tag);
