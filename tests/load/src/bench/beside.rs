//! What large pulls do to everybody else: a manifest's time while eight blobs are pulled, and
//! while nothing is. The bare server shows what a server does that lets nobody else have a turn.

use std::time::Duration;

use anyhow::Result;

use super::fixture::Fixture;
use super::{Bench, three};
use crate::drive::{Background, get};
use crate::report::{Bar, Figure, Goal, Verdict};
use crate::server::pause;

const PULLS: usize = 8;
/// As many clients with small requests as with large ones.
const CONNECTIONS: usize = 8;
const TIME: Duration = Duration::from_secs(2);
/// Until the pulls have filled their sockets.
const UNDER_WAY: Duration = Duration::from_millis(300);

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let fixture = Fixture::new(&bench.content)?;
    let servers = three(bench, &fixture)?;
    let samples = bench.in_turn(servers.len() * 2, |case| {
        let (server, loaded) = (&servers[case / 2], case % 2 == 1);
        let target = [fixture.manifest(server)];
        let pulls = loaded
            .then(|| Background::start(server, &fixture.blob(server), PULLS))
            .transpose()?;
        if loaded {
            pause(UNDER_WAY);
        }
        let answered = get(server, &target, CONNECTIONS, TIME)?;
        if let Some(pulls) = pulls {
            pulls.stop()?;
        }
        Ok(answered.millis(0.99))
    })?;
    let mut figure = Figure {
        id: "manifest-beside-pulls".to_owned(),
        title: format!("p99 of a manifest, connections: {CONNECTIONS}, beside {PULLS} pulls"),
        unit: "ms",
        bars: Vec::new(),
        verdicts: Vec::new(),
    };
    for (case, rounds) in samples.into_iter().enumerate() {
        let name = servers[case / 2].kind.name();
        let state = if case % 2 == 1 { "under pulls" } else { "idle" };
        figure
            .bars
            .push(Bar::new(format!("{name}, {state}"), rounds));
    }
    if let Some(ratio) = figure.ratio("packyard, under pulls", "packyard, idle") {
        let verdict = Verdict::new("packyard, under pulls / idle", ratio, Goal::AtMost(3.0));
        figure.verdicts.push(verdict);
    }
    Ok(vec![figure])
}
