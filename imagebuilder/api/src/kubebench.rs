//! kube-bench's JSON report, as version 0.15 writes it.
//!
//! Some keys carry Go's field names, and a list that is empty in Go may come as
//! `null`; both are read. What a report means for an image, `policy` says.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The largest report that is read. A whole cluster's is about 1 MB.
pub const MAX_REPORT_BYTES: usize = 32 << 20;

/// What kube-bench found on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One per target, such as `node`.
    #[serde(rename = "Controls", deserialize_with = "null_is_empty")]
    pub controls: Vec<Control>,
    /// The sums over all of them.
    #[serde(rename = "Totals")]
    pub totals: Totals,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Passed.
    #[serde(rename = "total_pass")]
    pub pass: u64,
    /// Failed: always scored checks.
    #[serde(rename = "total_fail")]
    pub fail: u64,
    /// To be looked at by a person.
    #[serde(rename = "total_warn")]
    pub warn: u64,
    /// Not judged.
    #[serde(rename = "total_info")]
    pub info: u64,
}

/// The checks of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Its number in the benchmark.
    pub id: String,
    /// The benchmark, such as `cis-1.12`.
    pub version: String,
    /// The version of Kubernetes that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_version: Option<String>,
    /// Its title.
    pub text: String,
    /// The target.
    pub node_type: String,
    /// Its groups.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tests: Vec<Group>,
    /// The sums of this target.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A group of checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its number.
    pub section: String,
    /// Its type, mostly empty.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Passed.
    pub pass: u64,
    /// Failed.
    pub fail: u64,
    /// To be looked at.
    pub warn: u64,
    /// Not judged.
    pub info: u64,
    /// Its title.
    pub desc: String,
    /// Its checks.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub results: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its number, such as `4.1.9`.
    pub test_number: String,
    /// Its title.
    pub test_desc: String,
    /// The command that looked.
    #[serde(default)]
    pub audit: String,
    /// The command that looked at the environment.
    #[serde(rename = "AuditEnv", default)]
    pub audit_env: String,
    /// The command that looked at the configuration.
    #[serde(rename = "AuditConfig", default)]
    pub audit_config: String,
    /// Empty, `manual` or `skip`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// How to cure it.
    #[serde(default)]
    pub remediation: String,
    /// More of that.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub test_info: Vec<String>,
    /// How it ended.
    pub status: Status,
    /// What was found.
    #[serde(default)]
    pub actual_value: String,
    /// Whether it counts: a check that does not can only warn.
    pub scored: bool,
    /// Whether the command gave several lines, each judged.
    #[serde(rename = "IsMultiple", default)]
    pub is_multiple: bool,
    /// What should have been found.
    #[serde(default)]
    pub expected_result: String,
    /// Why it could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// As it should be.
    Pass,
    /// A scored check that is not as it should be, or whose command failed.
    Fail,
    /// A manual check, or one without score that is not as it should be.
    Warn,
    /// Not judged.
    Info,
}

/// A report that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Far more than kube-bench ever writes.
    #[error(
        "the kube-bench report has {size_bytes} bytes, more than the {MAX_REPORT_BYTES} that are read; keep one target per run"
    )]
    TooLarge {
        /// How many.
        size_bytes: usize,
    },
    /// Not the JSON that kube-bench writes.
    #[error(
        "the kube-bench report is not what kube-bench 0.15 writes with --json and with totals, line {line}, column {column}: {source}"
    )]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What was expected.
        source: serde_json::Error,
    },
    /// The sums do not add up: the file was cut or joined.
    #[error(
        "the kube-bench report says {stated:?} and its checks give {counted:?}; run kube-bench again"
    )]
    Totals {
        /// What it says.
        stated: Totals,
        /// What its checks give.
        counted: Totals,
    },
}

impl Report {
    /// Reads what kube-bench wrote, and checks that its sums are those of its checks.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.len() > MAX_REPORT_BYTES {
            return Err(ReportError::TooLarge {
                size_bytes: bytes.len(),
            });
        }
        let report: Self =
            serde_json::from_slice(bytes).map_err(|source| ReportError::Malformed {
                line: source.line(),
                column: source.column(),
                source,
            })?;
        let counted = Totals::count(report.checks().map(|(_, check)| check));
        if counted != report.totals {
            return Err(ReportError::Totals {
                stated: report.totals,
                counted,
            });
        }
        Ok(report)
    }

    /// Every check, with its target.
    pub fn checks(&self) -> impl Iterator<Item = (&str, &Check)> {
        self.controls.iter().flat_map(|control| {
            control
                .checks()
                .map(|check| (control.node_type.as_str(), check))
        })
    }

    /// The sums per target. Two controls of one target are added up.
    pub fn totals_per_target(&self) -> std::collections::BTreeMap<String, Totals> {
        let mut sums = std::collections::BTreeMap::<String, Totals>::new();
        for control in &self.controls {
            let sum = sums.entry(control.node_type.clone()).or_default();
            *sum = sum.plus(Totals::count(control.checks()));
        }
        sums
    }

    /// One report out of several, as when each target was run by itself.
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Self {
        let mut merged = Self {
            controls: Vec::new(),
            totals: Totals::default(),
        };
        for report in reports {
            merged.totals = merged.totals.plus(report.totals);
            merged.controls.extend(report.controls);
        }
        merged
    }
}

impl Control {
    /// Its checks, whatever group they are in.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.tests.iter().flat_map(|group| group.results.iter())
    }
}

impl Totals {
    fn count<'a>(checks: impl Iterator<Item = &'a Check>) -> Self {
        checks.fold(Self::default(), |mut sum, check| {
            match check.status {
                Status::Pass => sum.pass += 1,
                Status::Fail => sum.fail += 1,
                Status::Warn => sum.warn += 1,
                Status::Info => sum.info += 1,
            }
            sum
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            pass: self.pass.saturating_add(other.pass),
            fail: self.fail.saturating_add(other.fail),
            warn: self.warn.saturating_add(other.warn),
            info: self.info.saturating_add(other.info),
        }
    }
}

/// Go writes a slice that was never filled as `null`.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
