//! `packyard admin`: what those who run a server do with it.

mod gc;

use crate::context::Context;
use crate::error::CliError;

/// Keep a running server in order.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Remove what nobody needs.
    Gc(gc::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Gc(args) => gc::run(args, context).await,
    }
}
