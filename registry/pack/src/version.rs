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

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

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
        self.key.pre != Pre::Release
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

/// What the order looks at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    core: Vec<Vec<Run>>,
    pre: Pre,
}

/// A release comes after all of its pre-releases.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    Before(Vec<Identifier>),
    Release,
}

/// A dot-separated identifier of a pre-release: numbers come before words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(Number),
    Word(String),
}

/// A stretch of digits or of anything else within a part of the core.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Text(String),
    Number(Number),
}

/// Digits without leading zeros; longer is greater.
#[derive(Clone, PartialEq, Eq)]
struct Number(String);

impl Number {
    fn of(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    fn of(text: &str) -> Self {
        let (core, pre) = split(text);
        let mut core: Vec<Vec<Run>> = core.split('.').map(runs).collect();
        let zero = [Run::Number(Number(String::new()))];
        while core
            .last()
            .is_some_and(|part| part.is_empty() || part[..] == zero)
        {
            core.pop();
        }
        let pre = pre.map_or(Pre::Release, |pre| {
            Pre::Before(pre.split('.').map(identifier).collect())
        });
        Self { core, pre }
    }
}

/// Core and pre-release, without the leading `v` and the build metadata.
fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.split('+').next().unwrap_or(text);
    let text = match text.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    };
    match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    }
}

fn identifier(text: &str) -> Identifier {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        Identifier::Number(Number::of(text))
    } else {
        Identifier::Word(text.to_owned())
    }
}

fn runs(part: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        runs.push(if digits {
            Run::Number(Number::of(run))
        } else {
            Run::Text(run.to_owned())
        });
        rest = tail;
    }
    runs
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
