//! Fetching damaged blobs by digest from a registry that has the same repositories.
//!
//! The bytes take the way of any push, so that nothing is kept that has another
//! digest, whatever the other side sends.

use std::time::Duration;

use futures::TryStreamExt as _;
use registry_store::{Store, StoreError};
use service::outbound::{Outbound, OutboundError, OutboundRules};

use super::DamageView;

/// A transfer that gives nothing for this long is ended.
const STALL: Duration = Duration::from_secs(60);

pub(crate) struct Repairer {
    client: Outbound,
    base: String,
}

impl Repairer {
    /// Plain HTTP is allowed: the digest says whether the bytes are right, and no secret is sent.
    pub(crate) fn new(base: &str) -> Result<Self, OutboundError> {
        let client = Outbound::new(OutboundRules {
            proxies: service::outbound::environment()?,
            plain_http: true,
            hosts: Vec::new(),
            max_bytes: u64::MAX,
            stall: STALL,
        })?;
        client.check(base)?;
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// Makes a blob good again; what kept it from that, for people.
    pub(crate) async fn repair(&self, store: &Store, damage: &DamageView) -> Result<(), String> {
        let mut why = "no repository holds it any more".to_owned();
        for hit in &damage.repositories {
            match self.fetch(store, &hit.repository, damage).await {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn fetch(
        &self,
        store: &Store,
        repository: &str,
        damage: &DamageView,
    ) -> Result<(), String> {
        let name = repository.parse().map_err(|error| format!("{error}"))?;
        let digest = &damage.digest;
        let url = format!("{}/v2/{repository}/blobs/{digest}", self.base);
        let download = self.client.get(&url).await;
        let download = download.map_err(|error| error.to_string())?;
        if download.size_bytes.is_some_and(|size| size != damage.size) {
            return Err(format!("{url} has another size"));
        }
        let upload = store.upload_at_once(&name, digest.algorithm()).await;
        let mut upload = upload.map_err(tell)?;
        let mut frames = download.stream();
        let written = async {
            while let Some(frame) = frames.try_next().await.map_err(|error| error.to_string())? {
                if upload.offset() + frame.len() as u64 > damage.size {
                    return Err(format!("{url} has another size"));
                }
                upload.write(frame).await.map_err(tell)?;
            }
            Ok(())
        };
        if let Err(why) = written.await {
            upload.abandon().await;
            return Err(why);
        }
        upload.finish(digest).await.map(drop).map_err(tell)
    }
}

fn tell(error: StoreError) -> String {
    error.to_string()
}
