//! Pushes of blobs that nobody has, four at once, each durable before its answer.

use anyhow::Result;

use super::Bench;
use super::limits::{Beside, judge};
use crate::drive::{Unique, push};
use crate::report::{Bar, Figure, Goal};
use crate::server::Kind;

const BLOB_BYTES: u64 = 100 * 1000 * 1000;
const AT_ONCE: usize = 4;
/// One after the other on each connection.
const EACH: usize = 2;

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let servers = [
        bench.start(Kind::Ours, "pushes-packyard", None)?,
        bench.start(Kind::Distribution, "pushes-distribution", None)?,
    ];
    let samples = bench.in_turn(servers.len(), |case| {
        let server = &servers[case];
        let blobs: Vec<Vec<Unique>> = (0..AT_ONCE)
            .map(|_| {
                (0..EACH)
                    .map(|_| bench.content.unique(BLOB_BYTES))
                    .collect()
            })
            .collect();
        let before = server.cpu_secs()?;
        let (bytes, time) = push(server, "bench/pushes", &bench.content, &blobs)?;
        let cpu = (server.cpu_secs()? - before) / bytes as f64 * f64::from(1u32 << 30);
        Ok((bytes as f64 / 1e6 / time.as_secs_f64(), cpu))
    })?;
    let mut figure = Figure {
        id: "push".to_owned(),
        title: format!("Push of unique 100 MB blobs, at once: {AT_ONCE}"),
        unit: "MB/s",
        bars: Vec::new(),
        verdicts: Vec::new(),
    };
    for (server, samples) in servers.iter().zip(samples) {
        let (speed, cpu): (Vec<f64>, Vec<f64>) = samples.into_iter().unzip();
        figure
            .bars
            .push(Bar::new(server.kind.name(), speed).with_cpu(&cpu));
    }
    let goal = Beside {
        other: Kind::Distribution,
        figure: Some(Goal::AtLeast(1.5)),
        cpu: None,
    };
    judge(&mut figure, &[goal]);
    Ok(vec![figure])
}
