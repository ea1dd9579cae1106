//! `packyard image`: virtual machines' disks, made from profiles.

mod build;
mod chunk_map;
mod copy;
mod dependants;
mod difference;
mod explain;
mod find;
mod gc;
mod hold;
mod import;
mod ls;
mod pull;
mod qcow2;
mod reuse;
mod revoke;
mod show;

use crate::context::Context;
use crate::error::CliError;

/// Build images, look at them, fetch them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// See to it that the image of a profile exists.
    Build(build::Args),
    /// Bring in a base image from a file or a download.
    Import(import::Args),
    /// List images.
    Ls(ls::Args),
    /// Show an image: where it is and what was checked.
    Show(show::Args),
    /// Show what an image is made of, or what makes two differ.
    Explain(explain::Args),
    /// Fetch an image's disk.
    Pull(pull::Args),
    /// Copy an image to another project or registry.
    Copy(copy::Args),
    /// Withdraw an image for ever.
    Revoke(revoke::Args),
    /// Say that somebody needs an image.
    Hold(hold::Hold),
    /// End a hold.
    Release(hold::Release),
    /// Remove images by rule.
    Gc(gc::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Build(args) => build::run(args, context).await,
        Command::Import(args) => import::run(args, context).await,
        Command::Ls(args) => ls::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Explain(args) => explain::run(args, context).await,
        Command::Pull(args) => pull::run(args, context).await,
        Command::Copy(args) => copy::run(args, context).await,
        Command::Revoke(args) => revoke::run(args, context).await,
        Command::Hold(args) => hold::hold(args, context).await,
        Command::Release(args) => hold::release(args, context).await,
        Command::Gc(args) => gc::run(args, context).await,
    }
}

/// How errors call an image.
fn called(signature: &str) -> String {
    format!("the image {signature}")
}
