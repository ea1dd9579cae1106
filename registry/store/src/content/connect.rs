//! Connecting to Amazon, Google or Azure storage, or to a server that speaks like one of them.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::ObjectStoreConfig;
use crate::error::{Result, StoreError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES: usize = 6;

/// One store, by each of the things that it can do.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) multipart: Arc<dyn Multipart>,
    pub(crate) signer: Arc<dyn Signer>,
    /// All keys lie below it.
    pub(crate) prefix: Path,
}

/// [`MultipartStore`], for a structure that can be shown.
pub(crate) trait Multipart: MultipartStore + std::fmt::Debug {}

impl<T: MultipartStore + std::fmt::Debug> Multipart for T {}

impl Connection {
    /// Reads the configuration; nothing is asked of the network yet.
    pub(crate) fn new(config: &ObjectStoreConfig) -> Result<Self> {
        let (kind, place) = config.url.split_once("://").ok_or_else(|| {
            refuse("it has no scheme; write s3://BUCKET, gs://BUCKET or az://CONTAINER")
        })?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(refuse("it names no bucket"));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/'))
            .map_err(|error| refuse(&error.to_string()))?;
        check_endpoint(config)?;
        match kind {
            "s3" => connected(amazon(config, bucket).build(), prefix),
            "gs" => connected(google(config, bucket).build(), prefix),
            "az" => connected(azure(config, bucket).build(), prefix),
            other => Err(refuse(&format!(
                "{other}:// is not known; use s3, gs or az"
            ))),
        }
    }
}

fn connected<S>(built: object_store::Result<S>, prefix: Path) -> Result<Connection>
where
    S: ObjectStore + MultipartStore + Signer,
{
    let store = Arc::new(built.map_err(|error| refuse(&error.to_string()))?);
    Ok(Connection {
        objects: Arc::clone(&store) as _,
        multipart: Arc::clone(&store) as _,
        signer: store,
        prefix,
    })
}

fn amazon(config: &ObjectStoreConfig, bucket: &str) -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(config))
        .with_retry(retry(config));
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &config.region {
        builder = builder.with_region(region);
    }
    if let Some(id) = &config.access_key {
        builder = builder.with_access_key_id(id);
    }
    if let Some(secret) = &config.secret {
        builder = builder.with_secret_access_key(secret.reveal());
    }
    builder
}

fn google(config: &ObjectStoreConfig, bucket: &str) -> GoogleCloudStorageBuilder {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(config))
        .with_retry(retry(config));
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if let Some(secret) = &config.secret {
        builder = builder.with_service_account_key(secret.reveal());
    }
    builder
}

fn azure(config: &ObjectStoreConfig, container: &str) -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_client_options(client(config))
        .with_retry(retry(config));
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(account) = &config.access_key {
        builder = builder.with_account(account);
    }
    if let Some(secret) = &config.secret {
        builder = builder.with_access_key(secret.reveal());
    }
    builder
}

/// No bound on a request as a whole: a large object to a slow client takes as long as it takes.
fn client(config: &ObjectStoreConfig) -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(config.timeout)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(config.endpoint.as_deref().is_some_and(is_plain))
}

fn retry(config: &ObjectStoreConfig) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: config.patience,
    }
}

/// Keys and bytes go over the network in the clear only where somebody said so.
fn check_endpoint(config: &ObjectStoreConfig) -> Result<()> {
    let Some(endpoint) = &config.endpoint else {
        return Ok(());
    };
    if !is_plain(endpoint) && !endpoint.starts_with("https://") {
        return Err(refuse("the endpoint must begin with https:// or http://"));
    }
    if is_plain(endpoint) && !is_loopback(endpoint) && !config.allow_http {
        return Err(refuse(
            "the endpoint is on another machine and not encrypted; use https://, or allow plain HTTP",
        ));
    }
    Ok(())
}

fn is_plain(endpoint: &str) -> bool {
    endpoint.starts_with("http://")
}

fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint
        .parse::<http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn refuse(why: &str) -> StoreError {
    StoreError::Storage {
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Secret;

    fn config(url: &str, endpoint: Option<&str>) -> ObjectStoreConfig {
        ObjectStoreConfig {
            endpoint: endpoint.map(str::to_owned),
            region: Some("here".to_owned()),
            access_key: Some("id".to_owned()),
            secret: Some(Secret::new("c2VjcmV0")),
            ..ObjectStoreConfig::new(url)
        }
    }

    #[test]
    fn an_address_gives_bucket_and_prefix() {
        let connection = Connection::new(&config("s3://bucket/a/b/", None)).expect("a store");
        assert_eq!(connection.prefix.as_ref(), "a/b");
        assert!(format!("{connection:?}").contains("bucket"));
        for wrong in ["bucket", "s3://", "ftp://bucket", "s3://bucket/a//b"] {
            let error = Connection::new(&config(wrong, None)).expect_err(wrong);
            assert!(matches!(error, StoreError::Storage { .. }), "{error}");
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for local in [
            "http://127.0.0.1:9000",
            "http://[::1]:1",
            "http://localhost:80",
        ] {
            Connection::new(&config("s3://bucket", Some(local))).expect(local);
        }
        let mut far = config("s3://bucket", Some("http://storage.example.com"));
        assert!(Connection::new(&far).is_err());
        far.allow_http = true;
        Connection::new(&far).expect("told so");
    }
}
