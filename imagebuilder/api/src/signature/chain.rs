//! The chain of stages, and the ids that it gives.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SCHEMA_VERSION;
use super::ids::{Signature, StageId};
use super::inputs::{SkippedInputs, SkippedStage, StageInputs};

/// All inputs of an image, stage by stage. It is always whole: see [`Chain::new`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawChain", into = "RawChain")]
pub struct Chain {
    stages: Vec<StageInputs>,
}

/// A stage with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its id.
    pub id: StageId,
    /// The id before it; none for the base.
    pub parent: Option<StageId>,
    /// What it is made of.
    pub inputs: &'a StageInputs,
}

/// Stages that do not make an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A stage is missing or stands in the wrong place.
    #[error("stage {position} of the chain is {found} and should be {expected}")]
    Order {
        /// Counted from 0.
        position: usize,
        /// Which stage is there.
        found: String,
        /// Which should be.
        expected: &'static str,
    },
    /// Two stages bring the roles of one pack.
    #[error("the roles of pack {pack} are in the chain twice; a profile names each pack once")]
    Twice {
        /// The pack's name.
        pack: String,
    },
    /// The inputs have a form that this program does not know.
    #[error(
        "the chain has schema version {found} and this program knows {SCHEMA_VERSION}; use the version of packyard that wrote it"
    )]
    Schema {
        /// Which one.
        found: u32,
    },
}

impl Chain {
    /// Takes the stages in: base, hardening or its marker, Kubernetes or its
    /// marker, any number of packs' roles, seal. Nothing can be left out, so a
    /// stage that is absent can never be taken for one that is skipped.
    pub fn new(stages: Vec<StageInputs>) -> Result<Self, ChainError> {
        let last = stages.len().saturating_sub(1).max(3);
        for position in 0..=last {
            let stage = stages.get(position);
            let expected = expected_at(position, last);
            if !stage.is_some_and(|stage| fits(stage, expected)) {
                let found = stage.map_or_else(|| "missing".to_owned(), StageInputs::name);
                return Err(ChainError::Order {
                    position,
                    found,
                    expected,
                });
            }
        }
        each_once(&stages)?;
        Ok(Self { stages })
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[StageInputs] {
        &self.stages
    }

    /// The stages with their ids, in order.
    pub fn links(&self) -> Vec<Link<'_>> {
        let mut parent = None;
        let mut links = Vec::with_capacity(self.stages.len());
        for inputs in &self.stages {
            let id = stage_id(parent.as_ref(), inputs);
            links.push(Link {
                id: id.clone(),
                parent: parent.replace(id),
                inputs,
            });
        }
        links
    }

    /// The signature of the image: the id of the last stage.
    pub fn signature(&self) -> Signature {
        let id = self.stages.iter().fold(None, |parent, inputs| {
            Some(stage_id(parent.as_ref(), inputs))
        });
        let id = id.expect("a chain has at least four stages");
        Signature::try_from(String::from(id))
            .expect("a stage id and a signature have the same form")
    }
}

/// A pack comes whole or in parts, and each part once.
fn each_once(stages: &[StageInputs]) -> Result<(), ChainError> {
    let mut whole = BTreeSet::new();
    let mut parts = BTreeSet::new();
    for stage in stages {
        let (pack, new) = match stage {
            StageInputs::Roles(inputs) => {
                let pack = inputs.pack.name.as_str();
                let in_parts = parts.iter().any(|(of, _)| *of == pack);
                (pack, whole.insert(pack) && !in_parts)
            }
            StageInputs::Part(inputs) => {
                let first = inputs.roles.first().map(|role| role.name.as_str());
                let pack = inputs.pack.as_str();
                (pack, parts.insert((pack, first)) && !whole.contains(pack))
            }
            _ => continue,
        };
        if !new {
            let pack = pack.to_owned();
            return Err(ChainError::Twice { pack });
        }
    }
    Ok(())
}

const BASE: &str = "base";
const HARDEN: &str = "harden (or its marker skipped)";
const KUBERNETES: &str = "kubernetes (or its marker skipped)";
const ROLES: &str = "the roles of a pack";
const SEAL: &str = "seal";

fn expected_at(position: usize, last: usize) -> &'static str {
    match position {
        0 => BASE,
        1 => HARDEN,
        2 => KUBERNETES,
        _ if position == last => SEAL,
        _ => ROLES,
    }
}

fn fits(stage: &StageInputs, expected: &'static str) -> bool {
    let actual = match stage {
        StageInputs::Base(_) => BASE,
        StageInputs::Harden(_)
        | StageInputs::Skipped(SkippedInputs {
            skipped: SkippedStage::Harden,
        }) => HARDEN,
        StageInputs::Kubernetes(_)
        | StageInputs::Skipped(SkippedInputs {
            skipped: SkippedStage::Kubernetes,
        }) => KUBERNETES,
        StageInputs::Roles(_) | StageInputs::Part(_) => ROLES,
        StageInputs::Seal(_) => SEAL,
    };
    actual == expected
}

/// The id of a stage: a pure function of its inputs and of the id before it.
pub(super) fn stage_id(parent: Option<&StageId>, inputs: &StageInputs) -> StageId {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Hashed<'a> {
        schema_version: u32,
        parent: Option<&'a StageId>,
        inputs: &'a StageInputs,
    }
    let hashed = Hashed {
        schema_version: SCHEMA_VERSION,
        parent,
        inputs,
    };
    let canonical = serde_json_canonicalizer::to_vec(&hashed)
        .expect("all keys are text and no number is infinite, so the inputs have a canonical form");
    StageId::from_sha256(Sha256::digest(&canonical).into())
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawChain {
    schema_version: u32,
    stages: Vec<StageInputs>,
}

impl TryFrom<RawChain> for Chain {
    type Error = ChainError;

    fn try_from(raw: RawChain) -> Result<Self, ChainError> {
        if raw.schema_version != SCHEMA_VERSION {
            return Err(ChainError::Schema {
                found: raw.schema_version,
            });
        }
        Self::new(raw.stages)
    }
}

impl From<Chain> for RawChain {
    fn from(chain: Chain) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            stages: chain.stages,
        }
    }
}
