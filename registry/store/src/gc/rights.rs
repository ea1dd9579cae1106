//! Rights to blobs that no manifest needs, once their lease ended.

use std::collections::BTreeSet;

use registry_pack::RepositoryName;

use super::{BATCH, Run};
use crate::error::Result;
use crate::metadata::{Expired, retry};

impl Run<'_> {
    pub(super) async fn end_rights(&mut self) -> Result<()> {
        let inner = &self.store.inner;
        if self.what.dry_run {
            self.done.rights = inner.metadata.unused_rights().await?;
            return Ok(());
        }
        let mut last: Option<Expired> = None;
        loop {
            let expired = inner.metadata.expired_leases(last.as_ref(), BATCH).await?;
            let ended = {
                let names: BTreeSet<&str> =
                    expired.iter().map(|lease| &lease.repository[..]).collect();
                let names: Vec<RepositoryName> =
                    names.iter().filter_map(|name| name.parse().ok()).collect();
                let _writing: Vec<_> = names.iter().map(|name| inner.cache.writing(name)).collect();
                retry(|| inner.metadata.end_leases(&expired)).await?
            };
            self.done.rights += ended;
            self.rest(ended).await?;
            if expired.len() < BATCH as usize {
                return Ok(());
            }
            last = expired.into_iter().last();
        }
    }
}
