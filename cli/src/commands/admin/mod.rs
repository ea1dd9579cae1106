//! `packyard admin`: what those who run a server do with it.

mod backup;
mod drain;
mod fsck;
mod gc;
mod reap;
mod restore;

use crate::context::Context;
use crate::error::CliError;

/// Keep a registry and its image builder in order.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Remove what nobody needs.
    Gc(gc::Args),
    /// Let a worker take no new build, before it is stopped.
    Drain(drain::Args),
    /// List the workers that share the server's queue.
    Workers(drain::WorkersArgs),
    /// Remove machines, disks and images at the provider that no build owns.
    Reap(reap::Args),
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
        Command::Drain(args) => drain::run(args, context).await,
        Command::Workers(args) => drain::workers(args, context).await,
        Command::Reap(args) => reap::run(args, context).await,
        Command::Fsck(args) => fsck::run(args, context).await,
        Command::Backup(args) => backup::run(args, context).await,
        Command::Restore(args) => restore::run(args, context).await,
    }
}
