//! `packyard profile`: the packs that make a cluster, as one document.

mod lint;
mod ls;
mod pull;
mod push;
mod show;

use std::path::Path;

use registry_pack::{PackError, Profile};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::report::Report;

/// Check, publish and fetch cluster profiles.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check profiles and say what is wrong.
    Lint(lint::Args),
    /// Publish a profile.
    Push(push::Args),
    /// Fetch the text of a profile.
    Pull(pull::Args),
    /// List profiles.
    Ls(ls::Args),
    /// Show one version of a profile.
    Show(show::Args),
}

pub(crate) async fn run(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Lint(args) => lint::run(&args, context),
        Command::Push(args) => push::run(args, context).await,
        Command::Pull(args) => pull::run(args, context).await,
        Command::Ls(args) => ls::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
    }
}

/// Reads a file as a profile; what makes it none is told line by line.
fn read(file: &Path) -> Result<Profile, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::io("read", file, &error))?;
    let name = file.display().to_string();
    Profile::parse(&text, &name).map_err(|error| match error {
        PackError::Invalid(_) | PackError::Malformed { .. } => CliError::new(
            Kind::Refused,
            format!("{name} is no usable profile\n{error}"),
        ),
        error => error.into(),
    })
}

fn report(file: &Path, profile: &Profile) -> Report {
    Report::new(file.display().to_string(), profile.lint())
}
