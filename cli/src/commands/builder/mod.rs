//! `packyard builder`: the image builder as a service of its own.

mod serve;

use crate::error::CliError;

/// Run the image builder alone.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Start the image builder without a registry.
    Serve(serve::Args),
}

pub(crate) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(args).await,
    }
}
