//! Which content store, and how it is reached. It reads no file and no environment.

use std::fmt;
use std::time::Duration;

/// Where the bytes of blobs lie.
#[derive(Clone, Debug, Default)]
pub enum StorageConfig {
    /// In the data folder.
    #[default]
    Folder,
    /// In an object store.
    Objects(ObjectStoreConfig),
}

/// An object store. What is not set, the cloud's own environment variables and its metadata
/// service say: `AWS_…`, `GOOGLE_…`, `AZURE_…`.
#[derive(Clone, Debug)]
pub struct ObjectStoreConfig {
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// The address of a server that speaks the cloud's protocol, if it is not the cloud itself.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The access key's id (S3), or the name of the account (Azure).
    pub access_key: Option<String>,
    /// The secret access key (S3), the account's key (Azure), or a service account's JSON (Google).
    pub secret: Option<Secret>,
    /// Whether plain HTTP is spoken to an endpoint that is not on this machine.
    pub allow_http: bool,
    /// How long one try may make no progress. Default: half a minute.
    pub timeout: Duration,
    /// How long a request is tried again and again. Default: a minute.
    pub patience: Duration,
}

impl ObjectStoreConfig {
    /// The defaults, for this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            endpoint: None,
            region: None,
            access_key: None,
            secret: None,
            allow_http: false,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(60),
        }
    }
}

/// Text that no log and no error shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text, without the line end that a file has.
    pub fn new(text: &str) -> Self {
        Self(text.trim_end().to_owned())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let config = ObjectStoreConfig {
            secret: Some(Secret::new("hush\n")),
            ..ObjectStoreConfig::new("s3://bucket")
        };
        assert!(!format!("{config:?}").contains("hush"));
        assert_eq!(config.secret.expect("a secret").reveal(), "hush");
    }
}
