//! What is stored beside the disk of a captured stage.

use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::chain::stage_id;
use super::ids::StageId;
use super::inputs::StageInputs;

/// A captured stage: its id, the id before it and its inputs. The config of the stage's artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageRecord {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The stage.
    pub id: StageId,
    /// The stage below it.
    pub parent: StageId,
    /// What it is made of.
    pub inputs: StageInputs,
}

/// A stage record that one must not build upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageRecordError {
    /// The inputs give another id than the record claims.
    #[error(
        "stage {claimed} is really {actual}: its record was changed; delete the stage from the registry and build again"
    )]
    Forged {
        /// What it says.
        claimed: StageId,
        /// What its inputs give.
        actual: StageId,
    },
    /// The inputs have a form that this program does not know.
    #[error("stage {id} has schema version {found} and this program knows {SCHEMA_VERSION}")]
    Schema {
        /// The stage.
        id: StageId,
        /// Which one.
        found: u32,
    },
}

impl StageRecord {
    /// Writes the record of a stage.
    pub fn new(parent: StageId, inputs: StageInputs) -> Self {
        let id = stage_id(Some(&parent), &inputs);
        Self {
            schema_version: SCHEMA_VERSION,
            id,
            parent,
            inputs,
        }
    }

    /// Proves that the inputs give the id, so that nobody can slip in other inputs under a good name.
    pub fn verify(&self) -> Result<(), StageRecordError> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(StageRecordError::Schema {
                id: self.id.clone(),
                found: self.schema_version,
            });
        }
        let actual = stage_id(Some(&self.parent), &self.inputs);
        if actual != self.id {
            return Err(StageRecordError::Forged {
                claimed: self.id.clone(),
                actual,
            });
        }
        Ok(())
    }
}
