//! Values that nobody may read: kept out of signatures, events, logs.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use imagebuilder_api::signature::{Secret, SecretKey, Variable};
use registry_pack::Profile;
use serde_json::Value;

/// Shorter texts are not masked: they would tear every log apart.
const SHORTEST_SECRET: usize = 4;
const MASK: &str = "********";

/// Knows how to make a secret recognisable without showing it.
#[derive(Debug)]
pub(crate) struct SecretStore {
    key: SecretKey,
}

impl SecretStore {
    /// Reads the key of this installation, or makes it.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut key = [0; 32];
        if let Ok(mut file) = std::fs::File::open(path) {
            file.read_exact(&mut key)?;
            return Ok(Self {
                key: SecretKey::new(key),
            });
        }
        key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        let mut file = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&key)?;
        file.sync_all()?;
        Ok(Self {
            key: SecretKey::new(key),
        })
    }

    /// What hides the secrets of a profile.
    pub(crate) fn masker(&self, profile: &Profile) -> Masker {
        let sensitive = profile
            .variables
            .iter()
            .filter(|variable| variable.is_sensitive);
        let values = sensitive.map(|variable| variable.default_value.clone());
        Masker {
            secrets: values
                .filter(|value| value.len() >= SHORTEST_SECRET)
                .collect(),
        }
    }

    /// A variable as the signature may hold it.
    pub(crate) fn variable(&self, name: &str, value: &Value, masker: &Masker) -> Variable {
        let text = value.to_string();
        if masker.covers(&text) {
            Variable::Secret(self.key.digest(name, &Secret::new(text)))
        } else {
            Variable::from(value.clone())
        }
    }
}

/// Hides known secrets in text, by value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masker {
    secrets: Vec<String>,
}

impl Masker {
    /// The text without secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), MASK)
            } else {
                text
            }
        })
    }

    fn covers(&self, text: &str) -> bool {
        self.secrets
            .iter()
            .any(|secret| text.contains(secret.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let masker = Masker {
            secrets: vec!["hunter22".to_owned()],
        };
        let value = Value::from("pass hunter22");
        let first = SecretStore::open(&path)
            .unwrap()
            .variable("password", &value, &masker);
        let second = SecretStore::open(&path)
            .unwrap()
            .variable("password", &value, &masker);
        assert_eq!(first, second);
        assert!(matches!(first, Variable::Secret(_)));
        assert_eq!(masker.mask("it is hunter22!"), "it is ********!");
    }
}
