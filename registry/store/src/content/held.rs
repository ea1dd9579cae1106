//! The hold on a staged upload: one request at a time, and nothing left behind that failed.
//!
//! It goes with whoever writes last. Then the bytes that nobody was promised go
//! too, so that a full disk recovers, and only then may another request go on.

use std::sync::PoisonError;

use super::Filesystem;
use crate::error::{Result, StoreError, cause};
use crate::metadata::Hold;
use crate::store::Store;

/// What stays of a staged file when its holder lets go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// Nothing: no row speaks of it.
    Nothing,
    /// As much as the row says.
    UpTo(u64),
    /// It is as it should be, or is an object by now.
    Everything,
}

/// The right to write to an upload, taken for one request.
pub(crate) struct Held {
    store: Store,
    id: String,
    /// The staged file, where there is one, and what stays of it.
    file: Option<(Filesystem, String, Keep)>,
    /// The same right among all servers; let go of last.
    hold: Hold,
}

impl Held {
    /// Takes the upload, unless another request has it.
    pub(crate) fn take(store: &Store, id: &str) -> Result<Self> {
        let mut busy = store
            .inner
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !busy.insert(id.to_owned()) {
            return Err(StoreError::UploadBusy { id: id.to_owned() });
        }
        Ok(Self {
            store: store.clone(),
            id: id.to_owned(),
            file: None,
            hold: Hold::none(),
        })
    }

    /// Adds the right among all servers that share the database.
    pub(crate) fn also(&mut self, hold: Hold) {
        self.hold = hold;
    }

    /// The token that saving and closing the upload name.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.hold.holder()
    }

    /// Whether a request of this process has the upload.
    pub(crate) fn is_taken(store: &Store, id: &str) -> bool {
        let busy = store.inner.busy.lock();
        busy.unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Says which file is written from now on, and what stays of it if that fails.
    pub(crate) fn writes(&mut self, files: &Filesystem, staged_key: &str, keep: Keep) {
        self.file = Some((files.clone(), staged_key.to_owned(), keep));
    }

    /// Changes what stays of the file.
    pub(crate) fn keep(&mut self, keep: Keep) {
        if let Some((_, _, kept)) = &mut self.file {
            *kept = keep;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let inner = &self.store.inner;
        let cleaned = match &self.file {
            // Another server may write to it by now.
            _ if !self.hold.is_ours() => Ok(()),
            Some((files, key, Keep::Nothing)) => files.remove_file(key),
            Some((files, key, Keep::UpTo(length))) => files.shorten(key, *length),
            Some((_, _, Keep::Everything)) | None => Ok(()),
        };
        if let Err(error) = cleaned {
            tracing::warn!(
                error = cause(&error),
                "staged bytes stay until the next clean-up"
            );
        }
        let mut busy = inner.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.id);
    }
}
