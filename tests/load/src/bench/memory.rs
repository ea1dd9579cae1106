//! Memory: of a server that nobody uses, and at most while a hundred blobs are pushed at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use crate::drive::{Unique, push, push_begin};
use crate::report::{Bar, Figure, Goal, Verdict};
use crate::server::{Backing, Kind, Programs, Server, pause};

const AT_ONCE: usize = 100;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What a server does after its start is done by then.
const SETTLED: Duration = Duration::from_secs(2);
const MB: f64 = 1e6;

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let size = bench.options.parallel_mib << 20;
    let mut idle = figure("memory-idle", "Memory of an idle server".to_owned());
    let mut title = format!(
        "Memory at most, while {AT_ONCE} blobs of {} MiB are pushed at once",
        bench.options.parallel_mib
    );
    if let Some(sent) = bench.options.parallel_sent_mib {
        title.push_str(&format!(", the first {sent} MiB of each"));
    }
    let mut pushing = figure("memory-pushes", title);
    let config = bench.folder.path().join("memory-bucket.toml");
    for (name, kind, in_bucket) in [
        ("packyard", Kind::Ours, false),
        ("packyard on S3", Kind::Ours, true),
        ("distribution", Kind::Distribution, false),
    ] {
        let backing = in_bucket.then(|| Backing::bucket(&config)).transpose()?;
        let programs = Programs {
            config: in_bucket.then(|| config.clone()),
            ..bench.programs.clone()
        };
        let folder = bench
            .folder
            .path()
            .join("memory")
            .join(name.replace(' ', "-"));
        let server = Server::start(kind, &programs, &folder, None)?;
        pause(SETTLED);
        let at_rest = server.resident_bytes()? as f64 / MB;
        idle.bars.push(Bar::new(name, vec![at_rest]));
        let most = at_most(bench, &server, size)? as f64 / MB;
        pushing.bars.push(Bar::new(name, vec![most]));
        server.stop()?;
        drop(backing);
        // A hundred gibibytes are more than some disks have twice.
        std::fs::remove_dir_all(folder)?;
    }
    for (figure, bound) in [(&mut idle, 30.0), (&mut pushing, 256.0)] {
        for number in 0..2 {
            let bar = &figure.bars[number];
            let what = format!("{}, MB", bar.name);
            let verdict = Verdict::new(what, bar.median, Goal::AtMost(bound));
            figure.verdicts.push(verdict);
        }
    }
    Ok(vec![idle, pushing])
}

fn figure(id: &str, title: String) -> Figure {
    Figure {
        id: id.to_owned(),
        title,
        unit: "MB",
        bars: Vec::new(),
        verdicts: Vec::new(),
    }
}

/// The most memory that a server had while all pushes ran.
fn at_most(bench: &Bench<'_>, server: &Server, size: u64) -> Result<u64> {
    const REPOSITORY: &str = "bench/memory";
    let content = &bench.content;
    let Some(sent) = bench.options.parallel_sent_mib else {
        let blobs: Vec<Vec<Unique>> = (0..AT_ONCE).map(|_| vec![content.unique(size)]).collect();
        return most_while(server, || {
            push(server, REPOSITORY, content, &blobs).map(|_| ())
        });
    };
    most_while(server, || {
        push_begin(server, REPOSITORY, content, AT_ONCE, size, sent << 20)
    })
}

fn most_while(server: &Server, act: impl FnOnce() -> Result<()>) -> Result<u64> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(server.resident_bytes().unwrap_or(0));
                pause(LOOK_EVERY);
            }
            most
        });
        let acted = act();
        done.store(true, Ordering::Relaxed);
        let most = looking.join().unwrap_or(0);
        acted.map(|()| most)
    })
}
