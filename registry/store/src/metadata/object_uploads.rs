//! Uploads into an object store: where their bytes are, beside what `uploads.rs` knows.

use std::time::Duration;

use super::{Metadata, milliseconds, now, statements, values};
use crate::content::{SentPart, Staged, Suspended};
use crate::error::{Result, StoreError};

statements! {
    PLACE: "look up an upload's parts" =
        "SELECT multipart_id, tail_key FROM uploads WHERE id = $1";
    PARTS: "look up an upload's parts" =
        "SELECT number, size_bytes, content_id FROM upload_parts
         WHERE upload_id = $1 ORDER BY number";
    BEGUN: "record a multi-part upload" =
        "UPDATE uploads SET multipart_id = $1 WHERE id = $2 AND holder IS NOT DISTINCT FROM $3";
    SAVE: "save an upload's state" =
        "UPDATE uploads SET offset_bytes = $1, algorithm = $2, hash_state = $3, updated_at = $4,
         tail_key = $5, holder = NULL, held_until = NULL
         WHERE id = $6 AND offset_bytes = $7 AND holder IS NOT DISTINCT FROM $8";
    ADD: "save an upload's state" =
        "INSERT INTO upload_parts (upload_id, number, size_bytes, content_id)
         VALUES ($1, $2, $3, $4)";
    CLEAR: "hold a stale upload" =
        "UPDATE uploads SET holder = $1, held_until = " now " + $2
         WHERE id = $3 AND updated_at < $4 AND (holder IS NULL OR held_until < " now ")";
}

impl Metadata {
    /// Where the bytes of an upload are.
    pub(crate) async fn staged(&self, id: &str, key: &str) -> Result<Staged> {
        let place: Option<(Option<String>, Option<String>)> =
            self.optional(&PLACE, values![id]).await?;
        let parts: Vec<(i64, i64, String)> = self.all(&PARTS, values![id]).await?;
        let (multipart, tail) = place.unwrap_or_default();
        Ok(Staged {
            key: key.to_owned(),
            multipart,
            parts: parts
                .into_iter()
                .enumerate()
                .map(sent_part)
                .collect::<Result<_>>()?,
            tail,
        })
    }

    /// Records the name of the multi-part upload, before anything is sent to it; false when the
    /// upload is gone or somebody else has it.
    pub(crate) async fn save_multipart(
        &self,
        id: &str,
        holder: Option<&str>,
        multipart: &str,
    ) -> Result<bool> {
        let values = values![multipart, id, holder];
        Ok(self.execute(&BEGUN, values).await? == 1)
    }

    /// Records how far an upload got and lets it go; false when it is gone or somebody else
    /// moved or took it.
    pub(crate) async fn save_object_upload(
        &self,
        id: &str,
        holder: Option<&str>,
        from_offset: u64,
        state: &Suspended,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let values = values![
            to_row(state.offset)?,
            state.algorithm.as_str(),
            &state.hash_state[..],
            now(),
            &state.tail,
            id,
            to_row(from_offset)?,
            holder,
        ];
        if transaction.execute(&SAVE, values).await? != 1 {
            return Ok(false);
        }
        for (number, part) in state.parts.iter().enumerate().skip(state.first_part) {
            let values = values![
                id,
                to_row(number as u64)?,
                to_row(part.size_bytes)?,
                &part.content_id,
            ];
            transaction.execute(&ADD, values).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Holds an upload that nobody touched since `before` and nobody holds, to clear it away.
    pub(crate) async fn hold_stale_upload(
        &self,
        id: &str,
        holder: &str,
        before: i64,
        time: Duration,
    ) -> Result<bool> {
        let values = values![holder, milliseconds(time), id, before];
        Ok(self.execute(&CLEAR, values).await? == 1)
    }
}

fn sent_part((at, (number, size, content_id)): (usize, (i64, i64, String))) -> Result<SentPart> {
    let damaged = || StoreError::Damaged {
        what: "the parts of an upload".to_owned(),
    };
    if i64::try_from(at) != Ok(number) {
        return Err(damaged());
    }
    Ok(SentPart {
        size_bytes: u64::try_from(size).map_err(|_| damaged())?,
        content_id,
    })
}

fn to_row(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| StoreError::TooLarge {
        limit_bytes: i64::MAX as u64,
    })
}
