//! `packyard profile lint`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{read, report};
use crate::context::Context;
use crate::error::CliError;
use crate::output::print;
use crate::report::Report;

/// Check profiles and say what is wrong.
///
/// Ends with 5 when there are errors; warnings alone are no failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The files, YAML or JSON.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let reports = args
        .files
        .iter()
        .map(|file| Ok(report(file, &read(file)?)))
        .collect::<Result<Vec<Report>, CliError>>()?;
    if context.output.is_json() {
        let reports: Vec<Value> = reports.iter().map(Report::to_json).collect();
        let text = serde_json::to_string_pretty(&json!({ "reports": reports }));
        print(&text.unwrap_or_default())?;
    } else {
        for report in &reports {
            context.output.warn(report.to_text());
        }
    }
    reports.iter().try_for_each(Report::verdict)
}
