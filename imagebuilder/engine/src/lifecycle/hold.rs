//! Holds: somebody says that an image is needed, so that no rule removes it.

use imagebuilder_api::Hold;

use super::revoke::REASON_CHARS;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::journal::{HoldRow, JournalError};

pub(crate) const HOLDER_CHARS: usize = 200;

impl Engine {
    /// Holds an image for somebody; answers with all its holds. The same hold twice is one.
    pub async fn hold(
        &self,
        signature: &str,
        holder: &str,
        reason: Option<&str>,
    ) -> Result<Vec<Hold>, EngineError> {
        let plain = |text: &str| !text.chars().any(char::is_control);
        if holder.is_empty() || holder.chars().count() > HOLDER_CHARS || !plain(holder) {
            let message = format!(
                "a holder is 1 to {HOLDER_CHARS} characters of plain text, such as cluster/prod-1"
            );
            return Err(refused(message));
        }
        if reason.is_some_and(|reason| reason.chars().count() > REASON_CHARS) {
            return Err(refused(format!(
                "a reason has at most {REASON_CHARS} characters"
            )));
        }
        let (signature, _) = self.signed(signature).await?;
        let journal = &self.shop.journal;
        journal.hold(signature.as_str(), holder, reason).await?;
        self.holds(signature.as_str()).await
    }

    /// Ends a hold; answers with those that are left.
    pub async fn release(&self, signature: &str, holder: &str) -> Result<Vec<Hold>, EngineError> {
        let (signature, _) = self.signed(signature).await?;
        let journal = &self.shop.journal;
        if !journal.release_hold(signature.as_str(), holder).await? {
            return Err(EngineError::NotFound {
                what: format!("hold of {holder} on image {}", signature.short()),
            });
        }
        self.holds(signature.as_str()).await
    }

    /// Who holds an image.
    pub async fn holds(&self, signature: &str) -> Result<Vec<Hold>, EngineError> {
        let (signature, _) = self.signed(signature).await?;
        let rows = self.shop.journal.holds(signature.as_str()).await?;
        Ok(rows.into_iter().map(view).collect::<Result<_, _>>()?)
    }
}

fn refused(message: String) -> EngineError {
    EngineError::Input {
        reason: "BadHold".to_owned(),
        message,
    }
}

fn view(row: HoldRow) -> Result<Hold, JournalError> {
    let corrupt = |error: jiff::Error| JournalError::Corrupt {
        what: "a time",
        message: error.to_string(),
    };
    Ok(Hold {
        holder: row.holder,
        reason: row.reason,
        held_at: row.held_at.parse().map_err(corrupt)?,
    })
}
