//! What operators say of images: withdrawn, held. And which profiles ever asked for one.

use sqlx::FromRow;

use crate::journal::{Journal, JournalError, now};

/// A withdrawn signature.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct RevocationRow {
    pub(crate) reason: String,
    pub(crate) revoked_at: String,
}

/// A hold as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct HoldRow {
    pub(crate) holder: String,
    pub(crate) reason: Option<String>,
    pub(crate) held_at: String,
}

impl Journal {
    /// Withdraws a signature for ever; the first reason stays.
    pub(crate) async fn revoke(&self, signature: &str, reason: &str) -> Result<(), JournalError> {
        sqlx::query(
            "insert into revocations (signature, reason, revoked_at) values (?1, ?2, ?3) \
             on conflict (signature) do nothing",
        )
        .bind(signature)
        .bind(reason)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a signature was withdrawn, and why.
    pub(crate) async fn revocation(
        &self,
        signature: &str,
    ) -> Result<Option<RevocationRow>, JournalError> {
        Ok(
            sqlx::query_as("select reason, revoked_at from revocations where signature = ?1")
                .bind(signature)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// Notes that somebody needs an image. A second time it changes the reason alone.
    pub(crate) async fn hold(
        &self,
        signature: &str,
        holder: &str,
        reason: Option<&str>,
    ) -> Result<(), JournalError> {
        sqlx::query(
            "insert into holds (signature, holder, reason, held_at) values (?1, ?2, ?3, ?4) \
             on conflict (signature, holder) do update set reason = excluded.reason",
        )
        .bind(signature)
        .bind(holder)
        .bind(reason)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a hold; false where there was none.
    pub(crate) async fn release_hold(
        &self,
        signature: &str,
        holder: &str,
    ) -> Result<bool, JournalError> {
        let ended = sqlx::query("delete from holds where signature = ?1 and holder = ?2")
            .bind(signature)
            .bind(holder)
            .execute(&self.pool)
            .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Who holds an image.
    pub(crate) async fn holds(&self, signature: &str) -> Result<Vec<HoldRow>, JournalError> {
        Ok(sqlx::query_as(
            "select holder, reason, held_at from holds where signature = ?1 order by holder",
        )
        .bind(signature)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The requests that ever asked for an image, newest first: each profile, provider and region as it was written.
    pub(crate) async fn requests_for(&self, signature: &str) -> Result<Vec<String>, JournalError> {
        Ok(sqlx::query_scalar(
            "select request from builds where signature = ?1 order by id desc limit 1000",
        )
        .bind(signature)
        .fetch_all(&self.pool)
        .await?)
    }
}
