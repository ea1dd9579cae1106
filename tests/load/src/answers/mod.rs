//! `load answers`: how long "the image exists" takes, at a rate that does not yield.
//!
//! It asks a builder that has made an image for that very image, as `packyard image build` does,
//! and counts every answer that is not the verified image as an error; one of them fails the run.
//! It starts no server, and over TLS it does not ask: the figure is of the builder alone.

mod judge;
mod request;
mod result;
mod seed;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::drive::{Schedule, ask_on_time};
use judge::Judge;
use request::Request;
use result::Answers;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    request: Request,
    /// The signature that the image has.
    #[arg(long)]
    signature: String,
    /// How many requests are due in a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How long they are measured.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How long they are sent before that.
    #[arg(long, default_value_t = 3)]
    warm_up_seconds: u64,
    /// At most so many connections, of which each is used at least once a second.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// The builder's database, a file of SQLite, to count the records of images in it.
    #[arg(long)]
    database: Option<PathBuf>,
    /// Fill the database up to so many records first, with copies of the image's own that stand
    /// for nothing: for benchmarks alone, and not to be taken out again.
    #[arg(long, requires = "database")]
    seed_records: Option<u64>,
    /// A file for what was found, as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if let (Some(database), Some(records)) = (&options.database, options.seed_records) {
        seed::fill(database, &options.signature, records)?;
    }
    let records = options.database.as_deref().map(seed::count).transpose()?;
    let schedule = Schedule {
        per_second: options.rate,
        warm_up: Duration::from_secs(options.warm_up_seconds),
        time: Duration::from_secs(options.seconds),
    };
    let connections = options.connections.min(options.rate);
    let mut judge = Judge::new(&options.signature);
    let found = ask_on_time(
        options.request.address()?,
        &options.request.bytes()?,
        usize::try_from(connections)?,
        schedule,
        &mut |status, body| judge.judge(status, body),
    )?;
    let answers = Answers::new(&found, schedule, connections, records);
    println!("{}", answers.text());
    if let Some(out) = &options.out {
        answers.write(out)?;
    }
    ensure!(
        answers.errors == 0,
        "{} errors, the first: {}",
        answers.errors,
        found.first_error.unwrap_or_default()
    );
    Ok(())
}
