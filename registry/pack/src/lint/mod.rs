//! Complaints about packs that parse: what reviewers of public packs say again
//! and again, said by a program, with the place and the remedy.
//!
//! One file per subject. A rule is an error if the pack will not do what it
//! says, and a warning if it works but somebody will be surprised. The ids are
//! in [`rules`] and stay as they are.

mod charts;
mod context;
mod extras;
mod finding;
mod manifest;
mod os;
mod presets;
mod roles;
pub mod rules;
mod schema_form;
mod values;

pub use finding::{Finding, Severity};

use std::path::Path;

use crate::error::PackError;
use crate::{Limits, Pack};

/// How many findings one lint returns.
const MAX_FINDINGS: usize = 500;

/// Every complaint about a pack, errors first, then by file and line.
pub fn lint(pack: &Pack) -> Vec<Finding> {
    let mut context = context::Context::new(pack);
    for check in [
        manifest::check,
        charts::check,
        roles::check,
        values::check,
        presets::check,
        schema_form::check,
        os::check,
        extras::check,
    ] {
        check(&mut context);
    }
    let mut findings = context.findings;
    findings.sort_by(|a, b| (a.severity, &a.file, a.line).cmp(&(b.severity, &b.file, b.line)));
    capped(findings)
}

/// Nobody reads more than the first hundreds, and somebody has to store them.
pub(crate) fn capped(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        findings.truncate(MAX_FINDINGS);
        let finding = Finding::warning(
            rules::MORE_FINDINGS,
            "(all files)",
            format!("there are {more} more findings"),
        );
        findings.push(finding.remedy("correct the ones above first"));
    }
    findings
}

/// Lints a folder, also one whose `pack.json` is so wrong that there is no
/// [`Pack`]: then the complaints are the ones that say so.
///
/// # Errors
/// Those of [`Pack::open`] that are not about the pack's content.
pub fn lint_folder(dir: &Path, limits: &Limits) -> Result<Vec<Finding>, PackError> {
    match Pack::open(dir, limits) {
        Ok(pack) => Ok(lint(&pack)),
        Err(PackError::Invalid(findings)) => Ok(capped(findings)),
        Err(PackError::Malformed {
            file,
            place,
            message,
            remedy,
        }) => Ok(vec![
            Finding::error(rules::SYNTAX, &file, message)
                .at(place)
                .remedy(remedy),
        ]),
        Err(other) => Err(other),
    }
}
