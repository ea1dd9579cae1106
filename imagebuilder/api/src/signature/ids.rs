//! Stage id and signature: 64 hexadecimal digits each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::ParseIdError;

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(pattern = "^[0-9a-f]{64}$")]
        pub struct $name(String);

        impl $name {
            /// Wraps a finished SHA-256 hash.
            pub fn from_sha256(hash: [u8; 32]) -> Self {
                Self(hex::encode(hash))
            }

            /// All 64 digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first twelve digits, for people and for names that have a length limit.
            pub fn short(&self) -> &str {
                &self.0[..12]
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
                if text.len() != 64 || !text.bytes().all(is_digit) {
                    return Err(ParseIdError::new($what, text, "64 lower-case hexadecimal digits"));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

hash_id!(
    /// The content-made name of a stage: everything up to and including it.
    StageId,
    "stage id"
);

hash_id!(
    /// The content-made name of an image: the id of its last stage.
    Signature,
    "signature"
);
