//! Manifests by tag: how many a second, 64 connections at once.

use std::time::Duration;

use anyhow::Result;

use super::fixture::Fixture;
use super::limits::{Beside, judge};
use super::{Bench, three};
use crate::drive::get;
use crate::report::{Bar, Figure, Goal};
use crate::server::Kind;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(2);

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let fixture = Fixture::new(&bench.content)?;
    let servers = three(bench, &fixture)?;
    let samples = bench.in_turn(servers.len(), |case| {
        let target = fixture.manifest(&servers[case]);
        let answered = get(&servers[case], &[target], CONNECTIONS, TIME)?;
        Ok((answered.per_second(), answered.millis(0.99)))
    })?;
    let mut bars = (Vec::new(), Vec::new());
    for (server, samples) in servers.iter().zip(samples) {
        let (rate, slow): (Vec<f64>, Vec<f64>) = samples.into_iter().unzip();
        bars.0.push(Bar::new(server.kind.name(), rate));
        bars.1.push(Bar::new(server.kind.name(), slow));
    }
    let mut rate = Figure {
        id: "manifest-rate".to_owned(),
        title: format!("GET of a manifest by tag, connections: {CONNECTIONS}"),
        unit: "requests/s",
        bars: bars.0,
        verdicts: Vec::new(),
    };
    let beside = |other, bound| Beside {
        other,
        figure: Some(Goal::AtLeast(bound)),
        cpu: None,
    };
    judge(
        &mut rate,
        &[beside(Kind::Distribution, 7.0), beside(Kind::Bare, 0.5)],
    );
    let slow = Figure {
        id: "manifest-p99".to_owned(),
        title: format!("The slowest hundredth of them, connections: {CONNECTIONS}"),
        unit: "ms",
        bars: bars.1,
        verdicts: Vec::new(),
    };
    Ok(vec![rate, slow])
}
