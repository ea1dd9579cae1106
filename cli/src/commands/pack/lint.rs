//! `packyard pack lint`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::lint_dir;
use crate::context::Context;
use crate::error::CliError;
use crate::output::print;

/// Check packs and say which line and key is wrong.
///
/// Ends with 5 when there are errors; warnings alone are no failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The packs' folders.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let reports = args
        .folders
        .iter()
        .map(|dir| lint_dir(dir))
        .collect::<Result<Vec<_>, _>>()?;
    if context.output.is_json() {
        let reports: Vec<Value> = reports.iter().map(super::Report::to_json).collect();
        let text = serde_json::to_string_pretty(&json!({ "reports": reports }));
        print(&text.unwrap_or_default())?;
    } else {
        for report in &reports {
            context.output.warn(report.to_text());
        }
    }
    reports.iter().try_for_each(super::Report::verdict)
}
