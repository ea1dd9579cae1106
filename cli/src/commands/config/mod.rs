//! `packyard config`: about a server's configuration file.

mod check;
mod reference;

use crate::context::Context;
use crate::error::CliError;

/// Check a server's configuration file, or print the reference.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check a configuration file and say which line and key is wrong.
    Check(check::Args),
    /// Print every key with its default and environment variable, as Markdown.
    Reference,
}

pub(crate) fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Check(args) => check::run(&args, context),
        Command::Reference => reference::run(),
    }
}
