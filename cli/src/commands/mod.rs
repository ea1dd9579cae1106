//! The commands, one file for each verb.

pub(crate) mod admin;
pub(crate) mod build;
pub(crate) mod builder;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod image;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod pack;
pub(crate) mod profile;
pub(crate) mod reference;
pub(crate) mod serve;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::error::CliError;

/// Runs what the command line asks for.
pub(crate) async fn run(cli: Cli) -> Result<(), CliError> {
    let context = Context::new(&cli.global);
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Pack(command) => pack::run(command, &context).await,
        Command::Profile(command) => profile::run(command, &context).await,
        Command::Image(command) => image::run(command, &context).await,
        Command::Build(command) => build::run(command, &context).await,
        Command::Builder(command) => builder::run(command).await,
        Command::Admin(command) => admin::run(command, &context).await,
        Command::Config(command) => config::run(command, &context),
        Command::Login(args) => login::run(args, &context).await,
        Command::Logout(args) => logout::run(args, &context).await,
        Command::Completions(args) => completions::run(&args),
        Command::Reference(args) => reference::run(&args),
    }
}
