//! Judges a kube-bench report by a policy.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::file::{Level, Policy, Waiver};
use crate::kubebench::{Check, Report, Status};

/// What a policy says of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether the image may be called verified.
    pub passed: bool,
    /// The checks that refuse it.
    pub failed: Vec<FailedCheck>,
    /// The checks that would, were they not waived.
    pub waived: Vec<LetOffCheck>,
    /// The checks that would, were they applicable.
    pub not_applicable: Vec<LetOffCheck>,
    /// Waivers whose day is over; they let nothing off.
    pub expired: Vec<Waiver>,
    /// Numbers that are let off and need not be: the check passes, or does not exist.
    pub unused: Vec<String>,
    /// Required targets of which the report has no check.
    pub missing_targets: Vec<String>,
    /// The benchmarks that were really run, where they are not the policy's.
    pub other_benchmarks: Vec<String>,
}

/// A check that refuses an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedCheck {
    /// Its number.
    pub check: String,
    /// Its target.
    pub target: String,
    /// Its title.
    pub title: String,
    /// How it ended.
    pub status: Status,
    /// What was found.
    pub actual: String,
    /// What should have been found.
    pub expected: String,
    /// How to cure it.
    pub remediation: String,
}

/// A check that is let off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LetOffCheck {
    /// Its number.
    pub check: String,
    /// Its target.
    pub target: String,
    /// Its title.
    pub title: String,
    /// Why it is let off.
    pub reason: String,
    /// Until when, if only for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// Judges `report`. `today` is given, so that the same call gives the same answer.
pub fn evaluate(report: &Report, policy: &Policy, today: Date) -> Verdict {
    let (expired, valid): (Vec<_>, Vec<_>) = policy
        .waivers
        .iter()
        .partition(|waiver| waiver.until < today);
    let mut verdict = Verdict {
        passed: false,
        failed: Vec::new(),
        waived: Vec::new(),
        not_applicable: Vec::new(),
        expired: expired.into_iter().cloned().collect(),
        unused: Vec::new(),
        missing_targets: missing_targets(report, policy),
        other_benchmarks: other_benchmarks(report, policy),
    };
    let mut used = BTreeSet::new();
    for (target, check) in report
        .checks()
        .filter(|(_, check)| refuses(check, policy.level))
    {
        let number = check.test_number.as_str();
        if let Some(entry) = policy
            .not_applicable
            .iter()
            .find(|entry| entry.check == number)
        {
            used.insert(number);
            verdict
                .not_applicable
                .push(let_off(target, check, &entry.reason, None));
        } else if let Some(waiver) = valid.iter().find(|waiver| waiver.check == number) {
            used.insert(number);
            verdict
                .waived
                .push(let_off(target, check, &waiver.reason, Some(waiver.until)));
        } else {
            verdict.failed.push(failed(target, check));
        }
    }
    let waivers = valid.iter().map(|waiver| &waiver.check);
    let named = policy
        .not_applicable
        .iter()
        .map(|entry| &entry.check)
        .chain(waivers);
    verdict.unused = named
        .filter(|check| !used.contains(check.as_str()))
        .cloned()
        .collect();
    verdict.passed = verdict.failed.is_empty()
        && verdict.missing_targets.is_empty()
        && verdict.other_benchmarks.is_empty();
    verdict
}

fn refuses(check: &Check, level: Level) -> bool {
    match check.status {
        Status::Fail => true,
        Status::Warn => level == Level::Strict && check.kind.is_empty(),
        Status::Pass | Status::Info => false,
    }
}

fn missing_targets(report: &Report, policy: &Policy) -> Vec<String> {
    let run: BTreeSet<_> = report.checks().map(|(target, _)| target).collect();
    policy
        .targets
        .iter()
        .filter(|target| !run.contains(target.as_str()))
        .cloned()
        .collect()
}

fn other_benchmarks(report: &Report, policy: &Policy) -> Vec<String> {
    let versions: BTreeSet<_> = report
        .controls
        .iter()
        .map(|control| &control.version)
        .collect();
    versions
        .into_iter()
        .filter(|version| **version != policy.benchmark)
        .cloned()
        .collect()
}

fn failed(target: &str, check: &Check) -> FailedCheck {
    FailedCheck {
        check: check.test_number.clone(),
        target: target.to_owned(),
        title: check.test_desc.clone(),
        status: check.status,
        actual: check.actual_value.clone(),
        expected: check.expected_result.clone(),
        remediation: check.remediation.clone(),
    }
}

fn let_off(target: &str, check: &Check, reason: &str, until: Option<Date>) -> LetOffCheck {
    LetOffCheck {
        check: check.test_number.clone(),
        target: target.to_owned(),
        title: check.test_desc.clone(),
        reason: reason.to_owned(),
        until,
    }
}

/// The whole verdict in a few lines: which checks refuse the image, and how to cure each.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passed {
            return write!(
                f,
                "the policy is content ({} waived, {} not applicable)",
                self.waived.len(),
                self.not_applicable.len()
            );
        }
        write!(f, "the policy refuses the image:")?;
        for target in &self.missing_targets {
            write!(f, "\n- target {target} was not run")?;
        }
        for benchmark in &self.other_benchmarks {
            write!(
                f,
                "\n- benchmark {benchmark} was run instead of the policy's"
            )?;
        }
        for check in &self.failed {
            let remediation = check
                .remediation
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            write!(
                f,
                "\n- {} ({}): {}. {remediation}",
                check.check,
                check.target,
                check.title.trim_end_matches('.')
            )?;
        }
        for waiver in &self.expired {
            write!(
                f,
                "\n- the waiver of {} ended on {}",
                waiver.check, waiver.until
            )?;
        }
        Ok(())
    }
}
