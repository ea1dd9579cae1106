//! What a garbage collection does to those who pull: their p99 while blobs are removed at the
//! rate that is the default, beside their p99 before.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::fixture::Fixture;
use super::seeded::seeded;
use super::{Bench, IDLE_WINDOWS};
use crate::drive::{Unique, at_once, get};
use crate::report::{Bar, Figure, Goal, Verdict};
use crate::server::{Programs, Server};
use crate::wire::Body;

/// Whatever no manifest names is garbage at once, and goes when it is asked for.
const CONFIG: &str = "[registry]\nblob_lease_secs = 0\ngc_grace_secs = 0\ngc_interval_secs = 0\n";
const SEEDERS: usize = 16;
const GARBAGE_BYTES: u64 = 100;
const CONNECTIONS: usize = 8;
const WINDOW: Duration = Duration::from_secs(4);
const COLLECTION: &str = "/api/v1/admin/gc";

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let fixture = Fixture::new(&bench.content)?;
    let server = start(bench, &fixture)?;
    let targets = [fixture.manifest(&server), fixture.config()];
    let window = || Ok(get(&server, &targets, CONNECTIONS, WINDOW)?.millis(0.99));
    let idle: Vec<f64> = (0..IDLE_WINDOWS).map(|_| window()).collect::<Result<_>>()?;
    server
        .connect()?
        .call("POST", COLLECTION, json(b"{}"))?
        .expect(202)
        .context("begin a collection")?;
    let mut beside = Vec::new();
    let removed = loop {
        beside.push(window()?);
        if let Some(removed) = ended(&server)? {
            break removed;
        }
    };
    if removed != bench.options.garbage as u64 {
        bail!(
            "{removed} blobs were removed, not {}",
            bench.options.garbage
        );
    }
    let bars = vec![
        Bar::new("packyard, idle", idle),
        Bar::new("packyard, collecting", beside),
    ];
    let ratio = bars[1].median / bars[0].median;
    Ok(vec![Figure {
        id: "pull-beside-collection".to_owned(),
        title: format!("p99 of a small pull while {removed} blobs are collected"),
        unit: "ms",
        verdicts: vec![Verdict::new("collecting / idle", ratio, Goal::AtMost(1.2))],
        bars,
    }])
}

fn start(bench: &Bench<'_>, fixture: &Fixture) -> Result<Server> {
    let file = bench.folder.path().join("collection.toml");
    std::fs::write(&file, CONFIG).with_context(|| format!("write {}", file.display()))?;
    let programs = Programs {
        config: Some(file),
        ..bench.programs.clone()
    };
    seeded(bench, &programs, "collection", |server| {
        fixture.push(server, &bench.content)?;
        seed(bench, server)
    })
}

/// Pushes blobs that no manifest will name, each with one request.
fn seed(bench: &Bench<'_>, server: &Server) -> Result<()> {
    at_once(SEEDERS, |seeder| {
        let mut connection = server.connect()?;
        for _ in (seeder..bench.options.garbage).step_by(SEEDERS) {
            let blob: Unique = bench.content.unique(GARBAGE_BYTES);
            let bytes = bench.content.pieces(&blob).collect::<Vec<_>>().concat();
            let target = format!("/v2/bench/garbage/blobs/uploads/?digest={}", blob.digest);
            let body = Body {
                media_type: "application/octet-stream",
                bytes: &bytes,
            };
            connection.call("POST", &target, body)?.expect(201)?;
        }
        Ok(())
    })
    .context("push what is to be collected")?;
    Ok(())
}

/// How many blobs went, once the collection has ended.
fn ended(server: &Server) -> Result<Option<u64>> {
    let answer = server
        .connect()?
        .call("GET", COLLECTION, Body::default())?
        .expect(200)?;
    let view: serde_json::Value = serde_json::from_slice(&answer.body)?;
    if view["failed"] == true {
        bail!("the collection failed: {view}");
    }
    Ok((view["running"] == false).then(|| view["removed"]["blobs"].as_u64().unwrap_or(0)))
}

fn json(bytes: &[u8]) -> Body<'_> {
    Body {
        media_type: "application/json",
        bytes,
    }
}
