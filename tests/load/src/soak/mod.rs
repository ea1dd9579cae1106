//! `load soak`: pushes, pulls, deletes, collects garbage and kills the server, for as long as is
//! asked for; then reads everything again that was ever acknowledged and not deleted.
//!
//! It fails if anything acknowledged is lost, if no order of events explains what clients were
//! told about a tag, or if the server answered with an error of its own.

mod client;
mod history;
mod image;
mod journal;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::server::{Kind, Programs, Server, pause};
use crate::wire::Body;
use history::Event;
use image::{Image, digest};
use journal::{Journal, SHARED};
use shared::{Session, Shared, count};

/// How often the loops look whether it is over.
const TICK: Duration = Duration::from_millis(50);
/// Between two collections.
const COLLECT_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The packyard program.
    #[arg(long)]
    packyard: PathBuf,
    /// Where the summary goes, and the server's data while it runs.
    #[arg(long)]
    out: PathBuf,
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many clients at once.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Seconds between two kills, on average.
    #[arg(long, default_value_t = 5)]
    kill_every: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("create {}", options.out.display()))?;
    let data = tempfile::Builder::new()
        .prefix("soak-")
        .tempdir_in(&options.out)
        .context("make a folder for the server")?;
    let server = start(options, data.path())?;
    let (shared, journal) = (Shared::new(server.address), Journal::new());
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let (server, images) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..options.clients)
            .map(|number| {
                let (shared, journal) = (&shared, &journal);
                scope.spawn(move || client::run(shared, journal, number))
            })
            .collect();
        scope.spawn(|| collect(&shared));
        let server = kill_until(options, data.path(), &shared, &journal, server, end);
        shared.stop();
        let mut images = Vec::new();
        for client in clients {
            images.extend(client.join().unwrap_or_default());
        }
        server.map(|server| (server, images))
    })?;
    // Once more, so that the last ones are on the disk too.
    shared.killing();
    server.kill()?;
    let server = start(options, data.path())?;
    shared.back(server.address);
    read_again(&shared, &journal, &images);
    server.stop()?;
    conclude(options, &shared, images.len())
}

fn start(options: &Options, data: &Path) -> Result<Server> {
    let programs = Programs {
        packyard: options.packyard.clone(),
        distribution: PathBuf::new(),
    };
    Server::start(Kind::Ours, &programs, &data.join("server"), None)
}

/// Kills the server and starts it again until the time is over; the one that runs then.
fn kill_until(
    options: &Options,
    data: &Path,
    shared: &Shared,
    journal: &Journal,
    mut server: Server,
    end: Instant,
) -> Result<Server> {
    loop {
        let average = Duration::from_secs(options.kill_every).as_millis();
        let millis = rand::random_range(average / 2..average * 3 / 2 + 1);
        let next = Instant::now() + Duration::from_millis(u64::try_from(millis)?);
        while Instant::now() < next.min(end) {
            pause(TICK);
        }
        if Instant::now() >= end {
            return Ok(server);
        }
        shared.killing();
        server.kill()?;
        server = start(options, data).context("start the server after a kill")?;
        shared.back(server.address);
        count(&shared.counts.kills);
        journal.check(shared, false);
    }
}

/// Collects garbage all the time, where the server offers it.
fn collect(shared: &Shared) {
    let mut session = Session::new(shared);
    while !shared.is_over() {
        if let Ok(answer) = session.call("POST", "/api/v1/admin/gc", Body::default()) {
            match answer.head.status {
                200..300 => count(&shared.counts.collections),
                404 | 405 => return,
                // One is running already.
                409 | 429 => {}
                status => {
                    let what = format!("POST /api/v1/admin/gc: {status}");
                    shared.complain(&shared.counts.errors, what);
                }
            }
        }
        pause(COLLECT_EVERY);
    }
}

/// Reads every image that has to be there, and the tags in use.
fn read_again(shared: &Shared, journal: &Journal, images: &[Image]) {
    let mut session = Session::new(shared);
    for image in images {
        // What fails is counted there.
        drop(image.verify(&mut session));
    }
    for tag in journal.last_tags() {
        let target = format!("/v2/{SHARED}/manifests/{tag}");
        let begin = shared.now();
        if let Ok(answer) = session.call("GET", &target, Body::default()) {
            let digest = (answer.head.status == 200).then(|| digest(&answer.body));
            let end = shared.now();
            journal.record(tag, Event::Read { digest, begin, end });
        }
    }
    journal.check(shared, true);
}

fn conclude(options: &Options, shared: &Shared, read_again: usize) -> Result<()> {
    let summary = serde_json::json!({
        "seconds": options.seconds,
        "clients": options.clients,
        "counts": shared.counts,
        "read_again_at_the_end": read_again,
        "complaints": shared.complaints(),
    });
    let text = serde_json::to_string_pretty(&summary)?;
    let path = options.out.join("soak.json");
    std::fs::write(&path, &text).with_context(|| format!("write {}", path.display()))?;
    println!("{text}");
    let counts = &shared.counts;
    for (bad, what) in [
        (&counts.lost, "acknowledged and not there"),
        (&counts.violations, "answers that no order explains"),
        (&counts.errors, "unexpected errors"),
    ] {
        let bad = bad.load(Ordering::Relaxed);
        ensure!(bad == 0, "{what}: {bad}");
    }
    ensure!(
        counts.acknowledged.load(Ordering::Relaxed) > 0,
        "nothing was ever acknowledged"
    );
    Ok(())
}
