//! Names of machines, disks and images as a provider knows them.
//!
//! They are opaque to everybody else: a cloud puts its own id in, QEMU a file's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that cannot be such a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a {what}: use 1 to 200 of a-z, A-Z, 0-9, '.', '_' and '-', beginning with a letter or digit"
)]
pub struct ParseIdError {
    what: &'static str,
    text: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text. It is safe as a file's name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                if is_name(text) {
                    return Ok(Self(text.to_owned()));
                }
                Err(ParseIdError { what: $what, text: text.chars().take(100).collect() })
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A machine.
    MachineId,
    "machine id"
);
name!(
    /// A disk that machines start from and that never changes: a base image or a captured stage.
    DiskId,
    "disk id"
);
name!(
    /// A captured image.
    ImageId,
    "image id"
);

fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.len() <= 200
        && text.bytes().all(inner)
        && text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_its_folder() {
        for good in ["ami-0abc", "sha256-00ff", "b1.verify.1", "A"] {
            assert_eq!(good.parse::<DiskId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "-rf",
            ".hidden",
            "a b",
            "é",
            &"x".repeat(201),
        ] {
            assert!(bad.parse::<DiskId>().is_err(), "{bad:?}");
        }
    }
}
