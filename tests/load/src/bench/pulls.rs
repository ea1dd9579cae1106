//! Pulls of a large blob that the page cache has, at one connection and at eight.

use anyhow::Result;

use super::fixture::{BLOB_BYTES, Fixture};
use super::limits::{Beside, judge};
use super::{Bench, three, two};
use crate::drive::pull;
use crate::report::{Bar, Figure, Goal};
use crate::server::{Kind, Server};
use crate::wire::Certificate;

const GIB: f64 = (1u64 << 30) as f64;

pub(super) fn plain(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let fixture = Fixture::new(&bench.content)?;
    let servers = three(bench, &fixture)?;
    let beside_bare = Beside {
        other: Kind::Bare,
        figure: Some(Goal::AtLeast(0.9)),
        cpu: None,
    };
    let mut one = figure(bench, &fixture, &servers, 1, "HTTP")?;
    let goal = Beside {
        other: Kind::Distribution,
        figure: Some(Goal::AtLeast(1.2)),
        cpu: None,
    };
    judge(&mut one, &[goal, beside_bare]);
    let mut eight = figure(bench, &fixture, &servers, 8, "HTTP")?;
    let goal = Beside {
        other: Kind::Distribution,
        figure: Some(Goal::AtLeast(1.6)),
        cpu: Some(Goal::AtMost(0.6)),
    };
    let beside_bare = Beside {
        other: Kind::Bare,
        figure: Some(Goal::AtLeast(0.9)),
        cpu: None,
    };
    judge(&mut eight, &[goal, beside_bare]);
    Ok(vec![one, eight])
}

pub(super) fn over_tls(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let fixture = Fixture::new(&bench.content)?;
    let certificate = Certificate::create(bench.folder.path())?;
    let (ours, theirs) = two(bench, &fixture, Some(&certificate))?;
    let servers = [ours, theirs];
    [1, 8]
        .into_iter()
        .map(|connections| {
            let mut figure = figure(bench, &fixture, &servers, connections, "TLS")?;
            let goal = Beside {
                other: Kind::Distribution,
                figure: Some(Goal::AtLeast(1.5)),
                cpu: None,
            };
            judge(&mut figure, &[goal]);
            Ok(figure)
        })
        .collect()
}

fn figure(
    bench: &Bench<'_>,
    fixture: &Fixture,
    servers: &[Server],
    connections: usize,
    over: &str,
) -> Result<Figure> {
    // About a second for each sample, whatever the number of connections.
    let times = if connections == 1 { 4 } else { 1 };
    let samples = bench.in_turn(servers.len(), |case| {
        let server = &servers[case];
        let before = server.cpu_secs()?;
        let target = fixture.blob(server);
        let (bytes, time) = pull(server, &target, BLOB_BYTES, connections, times)?;
        let gib = bytes as f64 / GIB;
        Ok((
            gib / time.as_secs_f64(),
            (server.cpu_secs()? - before) / gib,
        ))
    })?;
    let bars = servers
        .iter()
        .zip(samples)
        .map(|(server, samples)| {
            let (speed, cpu): (Vec<f64>, Vec<f64>) = samples.into_iter().unzip();
            Bar::new(server.kind.name(), speed).with_cpu(&cpu)
        })
        .collect();
    Ok(Figure {
        id: format!("pull-{}-{connections}", over.to_lowercase()),
        title: format!("Pull of a 512 MiB blob over {over}, connections: {connections}"),
        unit: "GiB/s",
        bars,
        verdicts: Vec::new(),
    })
}
