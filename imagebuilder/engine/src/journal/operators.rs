//! What operators say of images: withdrawn, held. And which profiles ever asked for one.

use database::{FromRow, statements, values};

use crate::journal::{Journal, JournalError, now};

statements! {
    REVOKE: "withdraw an image" = "insert into revocations (signature, reason, revoked_at) \
        values ($1, $2, $3) on conflict (signature) do nothing";
    REVOCATION: "read why an image was withdrawn" =
        "select reason, revoked_at from revocations where signature = $1";
    HOLD: "hold an image" = "insert into holds (signature, holder, reason, held_at) \
        values ($1, $2, $3, $4) on conflict (signature, holder) do update set reason = excluded.reason";
    RELEASE: "end a hold" = "delete from holds where signature = $1 and holder = $2";
    HOLDS: "list holds" =
        "select holder, reason, held_at from holds where signature = $1 order by holder";
    REQUESTS: "list requests for an image" =
        "select request from builds where signature = $1 order by id desc limit 1000";
}

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
        let now = now();
        let values = values![signature, reason, &now];
        self.pool.execute(&REVOKE, values).await?;
        Ok(())
    }

    /// Whether a signature was withdrawn, and why.
    pub(crate) async fn revocation(
        &self,
        signature: &str,
    ) -> Result<Option<RevocationRow>, JournalError> {
        Ok(self.pool.optional(&REVOCATION, values![signature]).await?)
    }

    /// Notes that somebody needs an image. A second time it changes the reason alone.
    pub(crate) async fn hold(
        &self,
        signature: &str,
        holder: &str,
        reason: Option<&str>,
    ) -> Result<(), JournalError> {
        let now = now();
        let values = values![signature, holder, reason, &now];
        self.pool.execute(&HOLD, values).await?;
        Ok(())
    }

    /// Ends a hold; false where there was none.
    pub(crate) async fn release_hold(
        &self,
        signature: &str,
        holder: &str,
    ) -> Result<bool, JournalError> {
        let values = values![signature, holder];
        Ok(self.pool.execute(&RELEASE, values).await? > 0)
    }

    /// Who holds an image.
    pub(crate) async fn holds(&self, signature: &str) -> Result<Vec<HoldRow>, JournalError> {
        Ok(self.pool.all(&HOLDS, values![signature]).await?)
    }

    /// The requests that ever asked for an image, newest first: each profile, provider and region as it was written.
    pub(crate) async fn requests_for(&self, signature: &str) -> Result<Vec<String>, JournalError> {
        let requests: Vec<(String,)> = self.pool.all(&REQUESTS, values![signature]).await?;
        Ok(requests.into_iter().map(|(request,)| request).collect())
    }
}
