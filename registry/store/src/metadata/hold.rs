//! The hold on an upload among several servers: a lease on its row, renewed while a
//! request writes, and a token that fences whoever lost it.
//!
//! The clock is the database's, so that servers need not agree on the time. With SQLite
//! there is one process, whose own list of busy uploads is enough: its hold is empty.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use registry_pack::RepositoryName;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Metadata, UploadRow};
use crate::error::{Result, StoreError, cause};

/// How long a server that died keeps others from an upload.
const TIME: Duration = Duration::from_secs(60);
/// Often enough that a database that is away for a moment costs no hold.
const RENEWAL: Duration = Duration::from_secs(15);

/// A request lets go a moment after its client has the answer, and the next may come at once.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The right to write to an upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold(Option<Shared>);

#[derive(Debug)]
struct Shared {
    metadata: Metadata,
    id: String,
    holder: String,
    /// When the row last said that it is ours.
    confirmed: Arc<Mutex<Instant>>,
    renewing: JoinHandle<()>,
}

impl Metadata {
    /// Takes an upload of the repository for one request.
    pub(crate) async fn hold_upload(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<(UploadRow, Hold)> {
        let unknown = || StoreError::UploadUnknown { id: id.to_owned() };
        if !self.is_shared() {
            let row = self.upload(repository, id).await?;
            return Ok((row.ok_or_else(unknown)?, Hold::none()));
        }
        let holder = format!("{}/{}", self.server, Uuid::new_v4());
        let patience = Instant::now() + PATIENCE;
        let (row, asked) = loop {
            let asked = Instant::now();
            if let Some(row) = self.take_upload(repository, id, &holder, TIME).await? {
                break (row, asked);
            }
            self.upload(repository, id).await?.ok_or_else(unknown)?;
            if asked >= patience {
                return Err(StoreError::UploadBusy { id: id.to_owned() });
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        };
        let confirmed = Arc::new(Mutex::new(asked));
        let renewing = tokio::spawn(renew(
            self.clone(),
            id.to_owned(),
            holder.clone(),
            Arc::clone(&confirmed),
        ));
        let shared = Shared {
            metadata: self.clone(),
            id: id.to_owned(),
            holder,
            confirmed,
            renewing,
        };
        Ok((row, Hold(Some(shared))))
    }

    /// Lets go of everything at the end of the server: whatever is dropped later cannot.
    pub(super) async fn let_all_go(&self) {
        if self.is_shared()
            && let Err(error) = self.let_uploads_go(&format!("{}/%", self.server)).await
        {
            let error = cause(&error);
            tracing::warn!(error, "holds on uploads end by themselves, in a minute");
        }
    }
}

impl Hold {
    /// The hold on what no other server knows of.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The token that saving and closing name.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.0.as_ref().map(|shared| shared.holder.as_str())
    }

    /// Whether nobody else can have taken the upload yet.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| {
            let confirmed = shared
                .confirmed
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            confirmed.elapsed() < TIME
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.renewing.abort();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (metadata, id) = (self.metadata.clone(), std::mem::take(&mut self.id));
        let holder = std::mem::take(&mut self.holder);
        runtime.spawn(async move {
            if let Err(error) = metadata.let_upload_go(&id, &holder).await {
                let error = cause(&error);
                tracing::debug!(error, id, "the hold on an upload ends by itself");
            }
        });
    }
}

async fn renew(metadata: Metadata, id: String, holder: String, confirmed: Arc<Mutex<Instant>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let asked = Instant::now();
        match metadata.renew_upload(&id, &holder, TIME).await {
            Ok(true) => *confirmed.lock().unwrap_or_else(PoisonError::into_inner) = asked,
            Ok(false) => return,
            Err(error) => {
                let error = cause(&error);
                tracing::warn!(
                    error,
                    id,
                    "cannot renew the hold on an upload; trying again"
                );
            }
        }
    }
}
