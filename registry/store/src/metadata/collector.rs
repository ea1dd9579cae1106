//! Who collects, and how far the walk through manifests and objects got.

use std::time::Duration;

use super::{Metadata, milliseconds, statements, values};
use crate::error::Result;

statements! {
    ACQUIRE: "take the collector's turn" =
        "UPDATE collector SET holder = $1, held_until = " now " + $2
         WHERE id = 1 AND (CAST($3 AS BIGINT) = 1 OR holder IS NULL OR held_until < " now ")";
    STATE: "ask for the collector's state" =
        "SELECT manifest_cursor, object_cursor, " now " - finished_at AS idle FROM collector
         WHERE id = 1";
    SAVE: "save the collector's state" =
        "UPDATE collector SET held_until = " now " + $1, manifest_cursor = $2, object_cursor = $3
         WHERE id = 1 AND holder = $4";
    FINISH: "end the collector's turn" =
        "UPDATE collector SET holder = NULL, held_until = NULL, finished_at = " now "
         WHERE id = 1 AND holder = $1";
}

/// How long a server that died keeps the others from collecting. A turn that runs out does no
/// harm: two collections at once are slower and as safe.
const TURN: Duration = Duration::from_secs(120);

/// How far a collection got, whoever began it.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct Progress {
    pub(crate) manifest_cursor: i64,
    pub(crate) object_cursor: String,
    /// Milliseconds since a collection ended, if one ever did.
    pub(crate) idle: Option<i64>,
}

impl Metadata {
    /// Takes the turn, unless another server has it. A process alone has it always: what a
    /// killed one left behind means nothing.
    pub(crate) async fn begin_collection(&self, holder: &str) -> Result<bool> {
        let alone = i64::from(!self.is_shared());
        let values = values![holder, milliseconds(TURN), alone];
        Ok(self.execute(&ACQUIRE, values).await? == 1)
    }

    pub(crate) async fn collection_progress(&self) -> Result<Progress> {
        Ok(self.optional(&STATE, values![]).await?.unwrap_or_default())
    }

    /// Saves how far it got, and keeps the turn.
    pub(crate) async fn save_collection(&self, holder: &str, progress: &Progress) -> Result<()> {
        let values = values![
            milliseconds(TURN),
            progress.manifest_cursor,
            &progress.object_cursor,
            holder
        ];
        self.execute(&SAVE, values).await.map(drop)
    }

    pub(crate) async fn end_collection(&self, holder: &str) -> Result<()> {
        self.execute(&FINISH, values![holder]).await.map(drop)
    }
}
