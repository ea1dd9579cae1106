//! `load bench`: the registry beside others, in one run: same disk, same client, rounds in turn.
//!
//! Figures are reported and nothing fails by them: a machine has other things to do now and then.
//! Ratios travel between machines, figures do not.

mod beside;
mod collection;
mod fixture;
mod limits;
mod manifests;
mod memory;
mod pages;
mod pulls;
mod pushes;
mod seeded;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::drive::Content;
use crate::report::{Figure, Report};
use crate::server::{Kind, Programs, Server};
use crate::wire::Certificate;
use fixture::Fixture;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The packyard program, built for release.
    #[arg(long)]
    packyard: PathBuf,
    /// The program of distribution's registry.
    #[arg(long)]
    distribution: PathBuf,
    /// Where the table, the JSON and the charts go, and the servers' data while it runs.
    #[arg(long)]
    out: PathBuf,
    /// How often each server is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only the groups with these names: pulls, tls, manifests, beside, pushes, pages,
    /// collection, memory.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many manifests the larger registry has when lists are read.
    #[arg(long, default_value_t = 100_000)]
    manifests: usize,
    /// How many blobs are collected beside pulls.
    #[arg(long, default_value_t = 100_000)]
    garbage: usize,
    /// How large each of the hundred blobs is that are pushed at once, in MiB.
    #[arg(long, default_value_t = 1024)]
    parallel_mib: u64,
    /// After how much of each the clients stop and hang up, in MiB; without it they push all.
    #[arg(long)]
    parallel_sent_mib: Option<u64>,
}

/// What all groups of figures share.
struct Bench<'a> {
    options: &'a Options,
    programs: Programs,
    /// Thrown away at the end.
    folder: tempfile::TempDir,
    content: Content,
}

/// How often what nothing disturbs is measured, where what disturbs it takes as long as it takes.
const IDLE_WINDOWS: usize = 5;

type Group = fn(&Bench<'_>) -> Result<Vec<Figure>>;

/// Every group of figures and its name.
const GROUPS: &[(&str, Group)] = &[
    ("pulls", pulls::plain),
    ("tls", pulls::over_tls),
    ("manifests", manifests::figures),
    ("beside", beside::figures),
    ("pushes", pushes::figures),
    ("pages", pages::figures),
    ("collection", collection::figures),
    ("memory", memory::figures),
];

pub(crate) fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("create {}", options.out.display()))?;
    let bench = Bench {
        options,
        programs: Programs {
            config: None,
            packyard: options.packyard.clone(),
            distribution: options.distribution.clone(),
        },
        folder: tempfile::Builder::new()
            .prefix("data-")
            .tempdir_in(&options.out)
            .context("make a folder for the servers")?,
        content: Content::new(),
    };
    let mut report = Report {
        machine: machine(),
        figures: Vec::new(),
    };
    for (name, group) in GROUPS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            eprintln!("measuring {name}");
            report
                .figures
                .extend(group(&bench).with_context(|| format!("measure {name}"))?);
            // What was measured until now is there whatever happens next.
            report.write(&options.out)?;
        }
    }
    Ok(())
}

impl Bench<'_> {
    /// Starts a server on a folder of its own below the run's.
    fn start(&self, kind: Kind, name: &str, certificate: Option<&Certificate>) -> Result<Server> {
        Server::start(
            kind,
            &self.programs,
            &self.folder.path().join(name),
            certificate,
        )
    }

    /// Measures every case once in each round, in turn, so that what else the machine does
    /// touches all of them alike.
    fn in_turn<T>(
        &self,
        cases: usize,
        mut measure: impl FnMut(usize) -> Result<T>,
    ) -> Result<Vec<Vec<T>>> {
        let mut samples: Vec<Vec<T>> = (0..cases).map(|_| Vec::new()).collect();
        for _ in 0..self.options.rounds {
            for (case, samples) in samples.iter_mut().enumerate() {
                samples.push(measure(case)?);
            }
        }
        Ok(samples)
    }
}

/// Both registries with the same content, and the bare server with the same bytes.
fn three(bench: &Bench<'_>, fixture: &Fixture) -> Result<[Server; 3]> {
    let (ours, theirs) = two(bench, fixture, None)?;
    let bare = bench.folder.path().join("bare");
    fixture.write_files(&bench.content, &bare)?;
    let bare = bench.start(Kind::Bare, "bare", None)?;
    Ok([ours, theirs, bare])
}

fn two(
    bench: &Bench<'_>,
    fixture: &Fixture,
    certificate: Option<&Certificate>,
) -> Result<(Server, Server)> {
    let suffix = if certificate.is_some() { "-tls" } else { "" };
    let start = |kind: Kind| {
        let name = format!("{}{suffix}", kind.name());
        let server = bench.start(kind, &name, certificate)?;
        fixture.push(&server, &bench.content)?;
        anyhow::Ok(server)
    };
    Ok((start(Kind::Ours)?, start(Kind::Distribution)?))
}

/// What a reader has to know of the machine to judge a figure.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model);
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("unknown");
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cpus} x {model}, Linux {}, load average {load} before the run",
        kernel.trim()
    )
}
