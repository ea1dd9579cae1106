//! `policy.yaml`: its fields, and reading it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The largest policy file that is read.
const MAX_POLICY_BYTES: usize = 256 << 10;
/// The form of policy that this code reads.
const SCHEMA_VERSION: u32 = 1;

/// When an image is good enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// The form of this file, 1.
    pub schema_version: u32,
    /// kube-bench's name of the benchmark, such as `cis-1.12`.
    pub benchmark: String,
    /// How strict to be.
    #[serde(default)]
    pub level: Level,
    /// The targets that must have been run, such as `node`.
    pub targets: Vec<String>,
    /// How the captured image is tried out.
    #[serde(default)]
    pub verify: Verify,
    /// Checks that are let off for a while.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// Checks that cannot apply where they are run.
    #[serde(default)]
    pub not_applicable: Vec<NotApplicable>,
}

/// Which results of kube-bench refuse an image.
///
/// The two levels are kube-bench's own distinctions. CIS also sorts its rules
/// into levels 1 and 2, but neither kube-bench's files nor its report carry that,
/// so a level by that name here would be a promise that nobody could check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// A failed check refuses. kube-bench fails scored checks only, and these are
    /// the ones that CIS calls automated.
    #[default]
    Scored,
    /// As above, and so does a warning of a check that CIS leaves to a person and
    /// that kube-bench can judge all the same. Where it cannot (type `manual`), it
    /// always warns, and that never refuses.
    Strict,
}

/// How a captured image is tried out before it counts as verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verify {
    /// It boots with a fresh seed and is clean.
    #[default]
    Boot,
    /// As above, and it becomes a cluster of one node.
    Cluster,
}

/// A check that is let off until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// Its number.
    pub check: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
}

/// A check that means nothing where it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotApplicable {
    /// Its number.
    pub check: String,
    /// Why it cannot apply.
    pub reason: String,
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not YAML, or not a policy.
    #[error(
        "{file}: {message}; its keys are schemaVersion, benchmark, level, targets, verify, waivers and notApplicable"
    )]
    Malformed {
        /// Which file.
        file: String,
        /// What is wrong, with line and column where known.
        message: String,
    },
    /// Well formed, and yet without meaning.
    #[error("{file}: {key}: {message}")]
    Senseless {
        /// Which file.
        file: String,
        /// Which key.
        key: String,
        /// What is wrong and what to write instead.
        message: String,
    },
}

impl Policy {
    /// Reads the text of `policy.yaml`; `file` is what complaints call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let malformed = |message: String| PolicyError::Malformed {
            file: file.to_owned(),
            message,
        };
        if text.len() > MAX_POLICY_BYTES {
            return Err(malformed(format!(
                "it has {} bytes, more than {MAX_POLICY_BYTES}",
                text.len()
            )));
        }
        let policy: Self =
            serde_yaml::from_str(text).map_err(|source| malformed(source.to_string()))?;
        match policy.complaint() {
            Some((key, message)) => Err(PolicyError::Senseless {
                file: file.to_owned(),
                key,
                message,
            }),
            None => Ok(policy),
        }
    }

    fn complaint(&self) -> Option<(String, String)> {
        let complain = |key: &str, message: &str| Some((key.to_owned(), message.to_owned()));
        if self.schema_version != SCHEMA_VERSION {
            return complain("schemaVersion", "only 1 is known");
        }
        if self.benchmark.trim().is_empty() {
            return complain(
                "benchmark",
                "is empty; name one of kube-bench's, such as cis-1.12",
            );
        }
        if self.targets.is_empty() {
            return complain(
                "targets",
                "is empty, so that nothing would be checked; write at least node",
            );
        }
        let mut seen = BTreeSet::new();
        let waivers = self
            .waivers
            .iter()
            .map(|waiver| ("waivers", &waiver.check, &waiver.reason));
        let others = self
            .not_applicable
            .iter()
            .map(|entry| ("notApplicable", &entry.check, &entry.reason));
        for (key, check, reason) in waivers.chain(others) {
            if reason.trim().is_empty() {
                return complain(
                    key,
                    &format!("check {check} has no reason; say why it is let off"),
                );
            }
            if !seen.insert(check) {
                return complain(
                    key,
                    &format!("check {check} is let off twice; keep one entry"),
                );
            }
        }
        None
    }
}
