//! Images by signature: what the second request for an image is answered from.

use sqlx::FromRow;

use crate::journal::{Journal, JournalError, now};

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
        sqlx::query(
            "insert into images (signature, state, profile, build, repository, digest, record, created_at) \
             values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (signature) do update set state = excluded.state, \
             profile = excluded.profile, build = excluded.build, repository = excluded.repository, \
             digest = excluded.digest, record = excluded.record",
        )
        .bind(&image.signature)
        .bind(&image.state)
        .bind(&image.profile)
        .bind(&image.build)
        .bind(&image.repository)
        .bind(&image.digest)
        .bind(&image.record)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One image.
    pub(crate) async fn image(&self, signature: &str) -> Result<Option<ImageRow>, JournalError> {
        Ok(sqlx::query_as("select signature, state, profile, build, repository, digest, record from images where signature = ?")
            .bind(signature)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The images whose signature begins with `prefix`; two are enough to know that it is ambiguous.
    pub(crate) async fn images_beginning(
        &self,
        prefix: &str,
    ) -> Result<Vec<ImageRow>, JournalError> {
        // Signatures are lower-case hex, so `~` sorts after all of them.
        Ok(sqlx::query_as(
            "select signature, state, profile, build, repository, digest, record from images \
             where signature >= ?1 and signature < ?1 || '~' limit 2",
        )
        .bind(prefix)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Images by signature, those after `last`.
    pub(crate) async fn images(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<ImageRow>, JournalError> {
        Ok(sqlx::query_as(
            "select signature, state, profile, build, repository, digest, record from images \
             where ?1 is null or signature > ?1 order by signature limit ?2",
        )
        .bind(last)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Forgets an image whose artifact is no longer in the registry, and builds that left it half made.
    pub(crate) async fn forget_image(&self, signature: &str) -> Result<(), JournalError> {
        sqlx::query("delete from images where signature = ?")
            .bind(signature)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
