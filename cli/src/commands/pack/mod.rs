//! `packyard pack`: folders with pack.json, on disk and in the registry.

mod archive;
mod bundle;
mod collect;
mod deprecate;
mod lint;
mod ls;
mod new;
mod pull;
mod push;
mod show;

use std::path::Path;

use registry_pack::lint::lint_folder;
use registry_pack::{Limits, Pack};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::report::Report;

/// Make, check, publish and fetch packs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a new pack that lints clean.
    New(new::Args),
    /// Check packs and say which line and key is wrong.
    Lint(lint::Args),
    /// Write a pack's archive, the same bytes on every machine.
    Archive(archive::Args),
    /// Collect the large files that a Kubernetes pack names.
    Bundle(bundle::Args),
    /// Publish a pack.
    Push(push::Args),
    /// Fetch a pack into a folder.
    Pull(pull::Args),
    /// Say that a version of a pack should no longer be used.
    Deprecate(deprecate::Args),
    /// List packs.
    Ls(ls::Args),
    /// Show one version of a pack.
    Show(show::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::New(args) => new::run(&args, context),
        Command::Lint(args) => lint::run(&args, context),
        Command::Archive(args) => archive::run(&args, context),
        Command::Bundle(args) => bundle::run(args, context).await,
        Command::Push(args) => push::run(args, context).await,
        Command::Pull(args) => pull::run(args, context).await,
        Command::Deprecate(args) => deprecate::run(args, context).await,
        Command::Ls(args) => ls::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
    }
}

/// Lints a folder, also one that cannot be opened as a pack.
fn lint_dir(dir: &Path) -> Result<Report, CliError> {
    Ok(Report::new(
        dir.display().to_string(),
        lint_folder(dir, &Limits::default())?,
    ))
}

/// Opens a pack; what is wrong with it is told line by line.
fn open(dir: &Path) -> Result<Pack, CliError> {
    match Pack::open(dir, &Limits::default()) {
        Ok(pack) => Ok(pack),
        Err(error) if error.kind() == registry_pack::ErrorKind::Invalid => Err(CliError::new(
            Kind::Refused,
            format!("{} is no usable pack\n{error}", dir.display()),
        )),
        Err(error) => Err(error.into()),
    }
}
