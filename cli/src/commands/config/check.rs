//! `packyard config check`.

use std::path::PathBuf;

use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::settings::Settings;

/// Check a configuration file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The TOML file.
    file: PathBuf,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let mut settings = Settings::default();
    settings.read_file(&args.file)?;
    context
        .output
        .answer(&json!({"file": args.file, "ok": true}), || {
            format!("{}: no complaints", args.file.display())
        })
}
