//! The command line as clap reads it: global options and the table of commands.

use clap::{Parser, Subcommand};

use crate::commands::{
    admin, build, builder, completions, config, image, login, logout, pack, profile, reference,
    serve,
};

/// Packs, cluster profiles and VM images: publish them, build them, serve them.
///
/// A pack is a folder with pack.json and values.yaml. A profile names the packs
/// that make a cluster. An image is a virtual machine's disk with the operating
/// system and Kubernetes of a profile, hardened and checked.
#[derive(Debug, Parser)]
#[command(
    name = "packyard",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// The server's address.
    #[arg(
        long,
        global = true,
        env = "PACKYARD_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:5000",
        help_heading = "Global options"
    )]
    pub(crate) server: String,
    /// Answer with JSON on standard output.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// No progress on standard error; errors and warnings remain.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the registry and the image builder in one process.
    Serve(serve::Args),
    /// Make, check, publish and fetch packs.
    #[command(subcommand)]
    Pack(pack::Command),
    /// Check, publish and fetch cluster profiles.
    #[command(subcommand)]
    Profile(profile::Command),
    /// Build images, look at them, fetch them.
    #[command(subcommand)]
    Image(image::Command),
    /// Watch and steer the builds of images.
    #[command(subcommand)]
    Build(build::Command),
    /// Run the image builder alone.
    #[command(subcommand)]
    Builder(builder::Command),
    /// Keep a running server in order.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Check a server's configuration file, or print the reference.
    #[command(subcommand)]
    Config(config::Command),
    /// Store the credentials of a registry.
    Login(login::Args),
    /// Forget the credentials of a registry.
    Logout(logout::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
    /// Print the reference of all commands as Markdown.
    #[command(hide = true)]
    Reference(reference::Args),
}
