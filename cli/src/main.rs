//! The `packyard` program: one binary for the servers and for everybody who
//! talks to them.
//!
//! Data goes to standard output, people's text to standard error. What a
//! command does is in its own file below `commands/`; what all of them share
//! is beside this file.

#![expect(
    clippy::print_stderr,
    reason = "remarks for people go there; standard output is written in output.rs alone"
)]

mod api;
mod args;
mod commands;
mod context;
mod download;
mod error;
mod output;
mod progress;
mod references;
mod report;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::error::{CliError, Kind};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are answers; everything else is wrong usage.
        Err(error) => {
            let code = if error.use_stderr() {
                Kind::Usage.code()
            } else {
                0
            };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.show();
            ExitCode::from(error.kind.code())
        }
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("cannot start the program").caused_by(&error))?;
    let done = runtime.block_on(commands::run(cli));
    // A blocking read from a terminal must not hold the program up.
    runtime.shutdown_background();
    done
}
