//! A reference as people write it: `[HOST/]REPOSITORY[:TAG][@DIGEST]`.
//!
//! Nothing is filled in: no default host, no `latest`. What is absent here was
//! absent in the text, and the caller decides what that means.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text::serde_as_text;
use crate::{Digest, RepositoryName, Tag};

/// What a manifest is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The registry, with its port if one was written.
    pub host: Option<String>,
    /// The repository inside the registry.
    pub repository: RepositoryName,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written; it wins over the tag.
    pub digest: Option<Digest>,
}

impl Reference {
    /// What goes behind `/manifests/`: the digest, or else the tag.
    pub fn target(&self) -> Option<String> {
        let digest = self.digest.as_ref().map(ToString::to_string);
        digest.or_else(|| self.tag.as_ref().map(ToString::to_string))
    }
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.contains("://") {
            return Err(ParseError::new(
                "reference",
                text,
                "begins with a scheme",
                "leave the scheme out: HOST/PROJECT/NAME:VERSION",
            ));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (host, rest) = split_host(rest)?;
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        Ok(Self {
            host,
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

/// The rule of every container tool: the first component is a host when it
/// could not be a component of a repository, or is `localhost`.
fn split_host(text: &str) -> Result<(Option<String>, &str), ParseError> {
    let Some((first, rest)) = text.split_once('/') else {
        return Ok((None, text));
    };
    if !(first.contains(['.', ':', '[']) || first == "localhost") {
        return Ok((None, text));
    }
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_' | b'[' | b']');
    if first.is_empty() || !first.bytes().all(allowed) {
        return Err(ParseError::new(
            "registry host",
            first,
            "has a character that is not allowed",
            "write HOST or HOST:PORT, without user or scheme",
        ));
    }
    Ok((Some(first.to_owned()), rest))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

serde_as_text!(Reference);
