//! `packyard admin`: what the operator of a registry does.

mod backup;
mod fsck;
mod gc;
mod restore;

use crate::context::Context;
use crate::error::CliError;

/// Keep a registry in order.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Remove what nobody needs.
    Gc(gc::Args),
    /// Check that all stored bytes are what they should be.
    Fsck(fsck::Args),
    /// Save a registry while it serves.
    Backup(backup::Args),
    /// Bring a saved registry back.
    Restore(restore::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Gc(args) => gc::run(args, context).await,
        Command::Fsck(args) => fsck::run(args, context).await,
        Command::Backup(args) => backup::run(args, context).await,
        Command::Restore(args) => restore::run(args, context).await,
    }
}
