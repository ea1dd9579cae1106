//! What a machine can reach.

use serde::{Deserialize, Serialize};

/// What a machine can reach. Whatever it is, only this host can reach the machine, and only its SSH port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Network {
    /// Nothing.
    Offline,
    /// What the host can reach.
    Nat,
}
