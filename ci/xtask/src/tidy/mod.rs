//! Small rules of the house that no compiler checks.
//!
//! Each rule is a file here, with a test that shows it failing. Formatting and
//! code itself belong to rustfmt and clippy.

mod comments;
mod forbidden;
mod forgotten;
mod manifests;

use std::path::Path;

use anyhow::Result;

use crate::finding::{Finding, report};
use crate::tree;

pub(crate) fn run() -> Result<()> {
    let root = tree::root();
    let files = tree::files(root)?;
    report("tidy", check(root, &files)?)
}

fn check(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let mut findings = comments::check(root, files)?;
    findings.extend(forgotten::check(root, files)?);
    findings.extend(manifests::check(root, files)?);
    findings.extend(forbidden::check(root, files)?);
    Ok(findings)
}
