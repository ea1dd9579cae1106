//! Values that nobody may read: which they are, and how one enters a signature.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use imagebuilder_api::signature::{Secret, SecretKey, Variable};
use registry_pack::Profile;
use serde_json::Value;

use crate::resolve::masker::Masker;

/// As many as profiles are kept parsed.
const KEPT: usize = 64;

/// Knows how to make a secret recognisable without showing it.
#[derive(Debug)]
pub(crate) struct SecretStore {
    key: SecretKey,
    always: Masker,
    recent: Mutex<VecDeque<Masker>>,
}

impl SecretStore {
    /// Reads the key of this installation, or makes it. `own` are the server's own secrets.
    pub(crate) fn open(path: &Path, own: &[String]) -> std::io::Result<Self> {
        let key = read_or_make(path)?;
        Ok(Self {
            key: SecretKey::new(key),
            always: Masker::new(own.iter().cloned()),
            recent: Mutex::default(),
        })
    }

    /// What hides the sensitive variables of a profile, and `more`.
    pub(crate) fn masker(&self, profile: &Profile, more: Vec<String>) -> Masker {
        let sensitive = profile
            .variables
            .iter()
            .filter(|variable| variable.is_sensitive)
            .map(|variable| variable.default_value.clone());
        let values: Vec<String> = sensitive.chain(more).collect();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // Every request for an image comes here; to build a search takes milliseconds.
        if let Some(known) = recent
            .iter()
            .find(|known| known.hides(&self.always, &values))
        {
            return known.clone();
        }
        let masker = self.always.with(values);
        recent.push_front(masker.clone());
        recent.truncate(KEPT);
        masker
    }

    /// What is hidden in every build: the credentials of this server.
    pub(crate) fn always(&self) -> &Masker {
        &self.always
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

fn read_or_make(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    if let Ok(mut file) = std::fs::File::open(path) {
        file.read_exact(&mut key)?;
        return Ok(key);
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
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let masker = Masker::new(["hunter22".to_owned()]);
        let value = Value::from("pass hunter22");
        let first = SecretStore::open(&path, &[])
            .unwrap()
            .variable("password", &value, &masker);
        let second = SecretStore::open(&path, &[])
            .unwrap()
            .variable("password", &value, &masker);
        assert_eq!(first, second);
        assert!(matches!(first, Variable::Secret(_)));
        assert_eq!(masker.mask("it is hunter22!"), "it is ********!");
    }
}
