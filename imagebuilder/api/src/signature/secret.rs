//! Secrets: they move the signature and are never written down.
//!
//! [`Secret`] and [`SecretKey`] have no `Serialize`, no `Clone` and a `Debug`
//! that says nothing; what can be stored is [`SecretDigest`], a keyed hash.
//! Keyed, because a plain hash of a short password can be guessed backwards.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::id::ParseIdError;

/// A value that must not be seen.
pub struct Secret(String);

impl Secret {
    /// Takes the value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that hands it to the machine.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The key of an installation, under which its secrets are hashed.
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// Takes the key in: 32 random bytes that the installation keeps.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Hashes the secret value of the variable `name`. The name goes in too, so
    /// that one value in two variables does not show.
    pub fn digest(&self, name: &str, secret: &Secret) -> SecretDigest {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(secret.0.as_bytes());
        SecretDigest(hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The keyed hash of a secret: HMAC-SHA-256, 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretDigest {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(is_digit) {
            // Somebody may have put the secret itself here: do not repeat it.
            return Err(ParseIdError::new(
                "keyed hash",
                "…",
                "64 lower-case hexadecimal digits",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for SecretDigest {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<SecretDigest> for String {
    fn from(digest: SecretDigest) -> Self {
        digest.0
    }
}
