//! `packyard completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::print;

/// Print completions for a shell.
///
/// For bash: `packyard completions bash > /etc/bash_completion.d/packyard`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "packyard", &mut script);
    print(&String::from_utf8_lossy(&script))
}
