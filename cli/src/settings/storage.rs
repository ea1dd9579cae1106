//! The table `[storage]`: where the bytes of blobs lie.

use std::path::PathBuf;
use std::time::Duration;

use registry_store::{ObjectStoreConfig, Secret, StorageConfig};
use service::section;

use crate::error::CliError;

section! {
    /// Where the registry keeps the bytes of blobs: in the data folder, or in an
    /// object store.
    pub struct StorageSettings in "storage" {
        /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`; the
        /// prefix may be left out. Not set means the data folder.
        pub url: Option<String> = None, env "PACKYARD_STORAGE_URL";
        /// The address of a server that speaks the cloud's protocol, such as MinIO or
        /// Ceph, when it is not the cloud itself.
        pub endpoint: Option<String> = None, env "PACKYARD_STORAGE_ENDPOINT";
        /// The region of an S3 bucket.
        pub region: Option<String> = None, env "PACKYARD_STORAGE_REGION";
        /// The id of the access key (S3), or the name of the account (Azure). When it
        /// is not set, the cloud's own variables (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or the
        /// machine's role say who the server is.
        pub access_key: Option<String> = None, env "PACKYARD_STORAGE_ACCESS_KEY";
        /// A file with the secret access key (S3), the account's key (Azure), or the
        /// service account in JSON (Google).
        pub secret_file: Option<PathBuf> = None, env "PACKYARD_STORAGE_SECRET_FILE";
        /// Speak plain HTTP to an endpoint on another machine. On this machine it is
        /// always allowed.
        pub allow_http: bool = false, env "PACKYARD_STORAGE_ALLOW_HTTP";
        /// How long one try may make no progress.
        pub timeout_secs: u64 = 30, env "PACKYARD_STORAGE_TIMEOUT_SECS";
        /// How long a request is tried again before a client is told to come back.
        pub retry_secs: u64 = 60, env "PACKYARD_STORAGE_RETRY_SECS";
    }
}

impl StorageSettings {
    /// The store's own configuration; reads the file with the secret.
    pub(crate) fn to_config(&self) -> Result<StorageConfig, CliError> {
        let Some(url) = &self.url else {
            return Ok(StorageConfig::Folder);
        };
        let mut config = ObjectStoreConfig::new(url);
        config.endpoint.clone_from(&self.endpoint);
        config.region.clone_from(&self.region);
        config.access_key.clone_from(&self.access_key);
        config.allow_http = self.allow_http;
        config.timeout = Duration::from_secs(self.timeout_secs);
        config.patience = Duration::from_secs(self.retry_secs);
        if let Some(path) = &self.secret_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::io("read", path, &error))?;
            config.secret = Some(Secret::new(&text));
        }
        Ok(StorageConfig::Objects(config))
    }
}
