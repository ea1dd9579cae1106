//! Why a stage had to be made, seen from an image that was made before.

use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::diff::{Difference, diff_stage};
use super::ids::StageId;

/// A captured stage of an image, compared with the same stage of an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageChange {
    /// The stage.
    pub id: StageId,
    /// Its name.
    pub name: String,
    /// Whether the earlier image has the very same.
    pub same: bool,
    /// Its own inputs that differ: `left` is the earlier image.
    pub because: Vec<Difference>,
    /// The lowest stage below it that differs, where its own inputs do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
}

/// The captured stages of `after`, each compared with `before`.
pub fn changes(before: &Chain, after: &Chain) -> Vec<StageChange> {
    let earlier = before.links();
    let mut lowest: Option<String> = None;
    let mut found = Vec::new();
    for (index, link) in after.links().into_iter().enumerate() {
        let name = link.inputs.name();
        let same = earlier.iter().any(|other| other.id == link.id);
        let mut because = Vec::new();
        if !same {
            let other = earlier.iter().find(|other| other.inputs.name() == name);
            let other = other.map(|other| other.inputs);
            diff_stage(index, other, Some(link.inputs), &mut because);
        }
        let below = lowest.clone().filter(|_| !same && because.is_empty());
        if !same && lowest.is_none() {
            lowest = Some(name.clone());
        }
        if link.inputs.is_captured() {
            found.push(StageChange {
                id: link.id,
                name,
                same,
                because,
                below,
            });
        }
    }
    found
}
