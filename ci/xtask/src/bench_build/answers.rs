//! How quickly "the image exists" is answered beside many records, by the load generator.
//!
//! The records are seeded into the database of the server that runs, see `tests/load`; they have
//! neither builds nor artifacts.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::release::finish;
use crate::run::{Job, Places, Server};

const PER_SECOND: &str = "200";
const RECORDS: &str = "100000";

/// What the load generator writes, as far as it is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Answers {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Answers {
    /// What the figures are of, for the table.
    pub(super) const TITLE: &'static str =
        "\"the image exists\" at 200 requests/s, 100,000 records, p50 / p99";
}

/// Fills the database and asks for the newest image.
pub(super) fn measure(
    programs: &Path,
    places: &Places,
    server: &Server,
    job: &Job,
) -> Result<Answers> {
    eprintln!("==> ask for the image {PER_SECOND} times a second beside {RECORDS} records");
    let out = places.file("answers.json");
    let mut command = Command::new(programs.join("load"));
    command
        .args(["answers", "--url", server.url()])
        .args(["--profile", &job.profile, "--signature", &job.changed])
        .args(["--rate", PER_SECOND, "--seed-records", RECORDS])
        .arg("--database")
        .arg(places.builder_database())
        .arg("--out")
        .arg(&out);
    finish(command.stdout(std::io::stderr()))?;
    let text = std::fs::read_to_string(&out).with_context(|| format!("read {}", out.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parse {}", out.display()))
}
