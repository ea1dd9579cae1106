//! Names of repositories and of packs.
//!
//! The grammar of a repository is the one of the OCI distribution
//! specification, "Pulling manifests":
//! `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
//! It is checked by hand because a pattern cannot say which character is wrong.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text::serde_as_text;

/// Where packs live below a project; Palette looks for exactly this.
const PACK_FOLDER: &str = "spectro-packs/archive";

/// A repository inside a registry, such as `library/spectro-packs/archive/cni-calico`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Clients limit host and name together to 255 characters; so do we.
    pub const MAX_LEN: usize = 255;

    /// The repository in which the versions of a pack are kept.
    pub fn for_pack(project: &str, pack: &PackName) -> Result<Self, ParseError> {
        format!("{project}/{PACK_FOLDER}/{pack}").parse()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component: who owns the repository.
    pub fn project(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }

    /// The last component: what most people call the name.
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The pack that this repository keeps, if it is a repository of packs.
    pub fn pack_name(&self) -> Option<&str> {
        let (folder, name) = self.0.rsplit_once('/')?;
        let is_pack_folder = folder == PACK_FOLDER
            || folder
                .strip_suffix(PACK_FOLDER)
                .is_some_and(|p| p.ends_with('/'));
        is_pack_folder.then_some(name)
    }
}

impl FromStr for RepositoryName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = |why| {
            ParseError::new(
                "repository name",
                text,
                why,
                "use lower-case letters and digits, joined by single '.', '_', '-' and by '/'",
            )
        };
        if text.is_empty() {
            return Err(refuse("is empty"));
        }
        if text.len() > Self::MAX_LEN {
            return Err(refuse("is longer than 255 characters"));
        }
        for component in text.split('/') {
            check_component(component).map_err(refuse)?;
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of a pack: one component of a repository name, as in all 102
/// public packs, so that every pack can be pushed under its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackName(String);

impl PackName {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 128;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = |why| {
            ParseError::new(
                "pack name",
                text,
                why,
                "use lower-case letters and digits, joined by single '.', '_' or '-'",
            )
        };
        if text.len() > Self::MAX_LEN {
            return Err(refuse("is longer than 128 characters"));
        }
        check_component(text).map_err(refuse)?;
        Ok(Self(text.to_owned()))
    }
}

fn check_component(text: &str) -> Result<(), &'static str> {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Err("has an empty component");
    };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return Err(
            "has a component that does not begin and end with a lower-case letter or a digit",
        );
    }
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit())) {
        let end = at + rest[at..].bytes().take_while(|b| !alphanumeric(*b)).count();
        let separator = &rest[at..end];
        let allowed = matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
        if !allowed {
            return Err("has a character or a pair of separators that is not allowed");
        }
        rest = &rest[end..];
    }
    Ok(())
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(RepositoryName);
serde_as_text!(PackName);
