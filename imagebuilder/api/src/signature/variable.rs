//! A role's variable: a plain value, or the keyed hash of a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canonical;
use super::secret::SecretDigest;

/// Variables by name.
pub type Variables = BTreeMap<String, Variable>;

/// What a role is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Variable {
    /// A value that anybody may read.
    #[serde(with = "canonical")]
    Plain(Value),
    /// A value that nobody may read: only that it is the same can be seen.
    Secret(SecretDigest),
}

impl From<Value> for Variable {
    fn from(value: Value) -> Self {
        Self::Plain(value)
    }
}
