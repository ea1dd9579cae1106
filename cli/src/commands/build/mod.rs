//! `packyard build`: the work behind an image.

mod board;
mod cancel;
pub(crate) mod follow;
mod logs;
mod ls;
mod pause;
mod priority;
mod show;
pub(crate) mod shown;
mod stream;
mod timeline;
mod watch;

use crate::context::Context;
use crate::error::CliError;

/// Watch and steer the builds of images.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List builds.
    Ls(ls::Args),
    /// Show a build: steps, stages, conditions.
    Show(show::Args),
    /// Follow a build until it ends.
    Watch(watch::Args),
    /// Fetch the logs of a build, one zip file.
    Logs(logs::Args),
    /// Stop a build and remove its machine.
    Cancel(cancel::Args),
    /// Let a build wait until it is resumed.
    Pause(pause::Args),
    /// Let a paused build go on.
    Resume(pause::ResumeArgs),
    /// Say which build of a project goes first.
    Priority(priority::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Ls(args) => ls::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Watch(args) => watch::run(args, context).await,
        Command::Logs(args) => logs::run(args, context).await,
        Command::Cancel(args) => cancel::run(args, context).await,
        Command::Pause(args) => pause::run(args, context).await,
        Command::Resume(args) => pause::resume(args, context).await,
        Command::Priority(args) => priority::run(args, context).await,
    }
}

/// How errors call a build.
fn called(id: &str) -> String {
    format!("the build {id}")
}

/// The address of a build.
fn path(id: &str, rest: &str) -> String {
    format!("api/v1/builds/{}{rest}", crate::api::segment(id))
}
