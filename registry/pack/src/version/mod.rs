//! Versions of packs: free text with a lenient order.
//!
//! 21 of 220 public packs have versions that are no Semantic Version
//! (`v1.8.7`, `26.04.4`, `1.5`), so the text is the identity and only the
//! order is derived from it.
//!
//! The order is a comparison of keys that are made of one version alone, which
//! is why it is transitive. For two Semantic Versions it is the precedence that
//! semver.org 2.0.0, section 11, defines. Otherwise: a leading `v` and build
//! metadata do not count, numbers compare as numbers of any length, leading
//! zeros do not count, missing parts are zero. Where the keys are equal
//! (`1.5` and `v1.5.0`), the text decides, so that unequal is never equal.

mod key;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use key::{Key, split};

use crate::error::ParseError;
use crate::text::serde_as_text;

/// The version of a pack.
#[derive(Clone)]
pub struct Version {
    text: String,
    key: Key,
}

impl Version {
    /// The version exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if there is something behind a hyphen, as in `1.0.0-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        self.key.is_pre_release()
    }

    /// The moving tags that this version can be behind, nearest first:
    /// `1.34.2` gives `1.34.x` and `1.x`. A version of one part gives none.
    pub fn parents(&self) -> Vec<String> {
        let (core, _) = split(&self.text);
        let parts: Vec<&str> = core.split('.').collect();
        let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !parts.iter().all(numeric) {
            return Vec::new();
        }
        let lengths = (1..parts.len().min(3)).rev();
        lengths
            .map(|len| format!("{}.x", parts[..len].join(".")))
            .collect()
    }
}

impl FromStr for Version {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = |why| {
            ParseError::new(
                "version",
                text,
                why,
                "write a version such as 1.34.2, which is also a legal tag",
            )
        };
        if text.is_empty() {
            return Err(refuse("is empty"));
        }
        if text.len() > 128 {
            return Err(refuse("is longer than 128 characters"));
        }
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\'))
        {
            return Err(refuse("has a space, a slash or a control character"));
        }
        Ok(Self {
            text: text.to_owned(),
            key: Key::of(text),
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key
            .cmp(&other.key)
            .then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

serde_as_text!(Version);
