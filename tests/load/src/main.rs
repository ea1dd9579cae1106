//! The load generator: what `make bench-registry`, `make bench-build` and `make soak` run.
//!
//! It talks to servers over HTTP alone, as any client does, and knows none of the product's
//! crates. `bench` compares registries, `soak` looks for anything lost, `bare` is the server
//! without a registry that shows what the machine can do, and `answers` asks an image builder.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people: what it prints is what it is for"
)]

mod answers;
mod bare;
mod bench;
mod drive;
mod report;
mod server;
mod soak;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Loads servers and measures them")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compare packyard with other servers; report figures.
    Bench(bench::Options),
    /// Push, pull, delete, collect and kill for a time; find what was lost.
    Soak(soak::Options),
    /// Ask a builder for an image that exists, at a fixed rate; report how long it takes.
    Answers(answers::Options),
    /// Serve fixed bytes: the limit that a registry is compared with.
    Bare(bare::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Bench(options) => bench::run(&options),
        Verb::Soak(options) => soak::run(&options),
        Verb::Answers(options) => answers::run(&options),
        Verb::Bare(options) => bare::run(&options),
    }
}
