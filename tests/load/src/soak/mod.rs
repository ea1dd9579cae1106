//! `load soak`: pushes, pulls, deletes, collects garbage and kills the server, for as long as is
//! asked for; then reads everything again that was ever acknowledged and not deleted.
//!
//! With several servers each request goes to any of them, and some are restarted in good order
//! instead of killed: then nobody may notice.
//!
//! It fails if anything acknowledged is lost, if no order of events explains what clients were
//! told about a tag, or if the server answered with an error of its own.

mod client;
mod cluster;
mod history;
mod image;
mod journal;
mod shared;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::server::pause;
use crate::wire::Body;
use cluster::Cluster;
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
    /// How many servers: more than one share a PostgreSQL and a bucket that are started for it.
    #[arg(long, default_value_t = 1)]
    servers: usize,
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
        .context("make a folder for the servers")?;
    let mut cluster = Cluster::start(&options.packyard, data.path(), options.servers)?;
    let (shared, journal) = (cluster.shared(), Journal::new());
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let images = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..options.clients)
            .map(|number| {
                let (shared, journal) = (&shared, &journal);
                scope.spawn(move || client::run(shared, journal, number))
            })
            .collect();
        scope.spawn(|| collect(&shared));
        let disturbed = disturb_until(options, &shared, &journal, &mut cluster, end);
        shared.stop();
        let mut images = Vec::new();
        for client in clients {
            images.extend(client.join().unwrap_or_default());
        }
        disturbed.map(|()| images)
    })?;
    // Once more, so that the last ones are on the disk too.
    for number in 0..cluster.len() {
        cluster.kill(number, &shared)?;
    }
    read_again(&shared, &journal, &images);
    cluster.stop()?;
    conclude(options, &shared, images.len())
}

/// Kills a server, or where there are several restarts one, and again until the time is over.
fn disturb_until(
    options: &Options,
    shared: &Shared,
    journal: &Journal,
    cluster: &mut Cluster,
    end: Instant,
) -> Result<()> {
    loop {
        let average = Duration::from_secs(options.kill_every).as_millis();
        let millis = rand::random_range(average / 2..average * 3 / 2 + 1);
        let next = Instant::now() + Duration::from_millis(u64::try_from(millis)?);
        while Instant::now() < next.min(end) {
            pause(TICK);
        }
        if Instant::now() >= end {
            return Ok(());
        }
        let number = rand::random_range(0..cluster.len());
        if cluster.len() > 1 && rand::random() {
            cluster.restart(number, shared)?;
        } else {
            cluster.kill(number, shared)?;
        }
        journal.check(shared, false);
    }
}

/// Collects garbage all the time, where the server offers it.
fn collect(shared: &Shared) {
    let mut session = Session::new(shared);
    let what = Body {
        media_type: "application/json",
        bytes: b"{}",
    };
    while !shared.is_over() {
        if let Ok(answer) = session.call("POST", "/api/v1/admin/gc", what) {
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
        "servers": options.servers,
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
