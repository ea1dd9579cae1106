//! Images by signature: what the second request for an image is answered from.

use database::{FromRow, statements, values};

use crate::journal::{Journal, JournalError, now};

statements! {
    PUT: "write an image" = "insert into images \
        (signature, state, profile, build, repository, digest, record, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (signature) do update set \
        state = excluded.state, profile = excluded.profile, build = excluded.build, \
        repository = excluded.repository, digest = excluded.digest, record = excluded.record";
    GET: "read an image" = "select signature, state, profile, build, repository, digest, record \
        from images where signature = $1";
    // One query and not two: each costs a thread's waking.
    USABLE: "read an image that was not withdrawn" = "select signature, state, profile, build, \
        repository, digest, record from images where signature = $1 \
        and not exists (select 1 from revocations where signature = $1)";
    // Signatures are lower-case hex, so `~` sorts after all of them.
    BEGINNING: "find an image" = "select signature, state, profile, build, repository, digest, record \
        from images where signature >= $1 and signature < CAST($1 AS TEXT) || '~' limit 2";
    LIST: "list images" = "select signature, state, profile, build, repository, digest, record \
        from images where CAST($1 AS TEXT) is null or signature > $1 order by signature limit $2";
    FORGET: "forget an image" = "delete from images where signature = $1";
}

/// An image as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ImageRow {
    pub(crate) signature: String,
    pub(crate) state: String,
    pub(crate) profile: String,
    pub(crate) build: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) record: String,
}

impl Journal {
    /// Writes the record of an image, over an older one.
    pub(crate) async fn put_image(&self, image: &ImageRow) -> Result<(), JournalError> {
        let now = now();
        let values = values![
            &image.signature,
            &image.state,
            &image.profile,
            &image.build,
            &image.repository,
            &image.digest,
            &image.record,
            &now
        ];
        self.pool.execute(&PUT, values).await?;
        Ok(())
    }

    /// One image.
    pub(crate) async fn image(&self, signature: &str) -> Result<Option<ImageRow>, JournalError> {
        Ok(self.pool.optional(&GET, values![signature]).await?)
    }

    /// The same, unless it was withdrawn.
    pub(crate) async fn usable_image(
        &self,
        signature: &str,
    ) -> Result<Option<ImageRow>, JournalError> {
        Ok(self.pool.optional(&USABLE, values![signature]).await?)
    }

    /// The images whose signature begins with `prefix`; two are enough to know that it is ambiguous.
    pub(crate) async fn images_beginning(
        &self,
        prefix: &str,
    ) -> Result<Vec<ImageRow>, JournalError> {
        Ok(self.pool.all(&BEGINNING, values![prefix]).await?)
    }

    /// Images by signature, those after `last`.
    pub(crate) async fn images(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<ImageRow>, JournalError> {
        Ok(self.pool.all(&LIST, values![last, limit]).await?)
    }

    /// Forgets an image whose artifact is no longer in the registry, and builds that left it half made.
    pub(crate) async fn forget_image(&self, signature: &str) -> Result<(), JournalError> {
        self.pool.execute(&FORGET, values![signature]).await?;
        Ok(())
    }
}
