//! One page of each list, on a registry with a thousand manifests and on one with a hundred times
//! as many.
//!
//! Seeding goes through the API: indexes without children need no blob, so that one request makes
//! a manifest. They all have the same subject, and one of each two a repository of its own.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Bench;
use super::seeded::seeded;
use crate::drive::{at_once, get};
use crate::report::{Bar, Figure, Goal, Verdict};
use crate::server::Server;
use crate::wire::Body;

const FEW: usize = 1000;
const TIME: Duration = Duration::from_secs(1);
const SEEDERS: usize = 8;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SUBJECT: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let many = bench.options.manifests;
    let start = |name, manifests| {
        seeded(bench, &bench.programs, name, |server| {
            seed(server, manifests)
        })
    };
    let servers = [start("pages-few", FEW)?, start("pages-many", many)?];
    // The first page and one from the middle, in turn.
    let lists = [
        ("tags", "/v2/pages/all/tags/list?n=100", "&last=t0000500"),
        ("catalog", "/v2/_catalog?n=100", "&last=pages/r0000500"),
    ];
    let mut figures = Vec::new();
    for (name, first, middle) in lists {
        let targets = [first.to_owned(), format!("{first}{middle}")];
        figures.push(figure(bench, &servers, name, &targets, many)?);
    }
    let referrers = [format!("/v2/pages/all/referrers/{SUBJECT}?n=100")];
    figures.push(figure(bench, &servers, "referrers", &referrers, many)?);
    Ok(figures)
}

fn figure(
    bench: &Bench<'_>,
    servers: &[Server; 2],
    name: &str,
    targets: &[String],
    many: usize,
) -> Result<Figure> {
    let samples = bench.in_turn(servers.len(), |case| {
        Ok(get(&servers[case], targets, 1, TIME)?.millis(0.5))
    })?;
    let bars: Vec<Bar> = samples
        .into_iter()
        .zip([FEW, many])
        .map(|(rounds, manifests)| Bar::new(format!("packyard, {manifests}"), rounds))
        .collect();
    let ratio = bars[1].median / bars[0].median;
    let what = format!("{many} / {FEW} manifests");
    Ok(Figure {
        id: format!("page-{name}"),
        title: format!("A page of 100 entries: {name}, by manifests in the registry"),
        unit: "ms",
        bars,
        verdicts: vec![Verdict::new(what, ratio, Goal::AtMost(1.5))],
    })
}

fn seed(server: &Server, manifests: usize) -> Result<()> {
    let share = manifests.div_ceil(2);
    at_once(SEEDERS, |seeder| {
        let mut connection = server.connect()?;
        for number in (seeder..share).step_by(SEEDERS) {
            let manifest = serde_json::to_vec(&serde_json::json!({
                "schemaVersion": 2,
                "mediaType": INDEX,
                "artifactType": "application/vnd.example.load",
                "manifests": [],
                "subject": { "mediaType": INDEX, "digest": SUBJECT, "size": 1 },
                "annotations": { "number": number.to_string() },
            }))?;
            let body = Body {
                media_type: INDEX,
                bytes: &manifest,
            };
            for target in [
                format!("/v2/pages/all/manifests/t{number:07}"),
                format!("/v2/pages/r{number:07}/manifests/t"),
            ] {
                connection
                    .call("PUT", &target, body)?
                    .expect(201)
                    .with_context(|| format!("seed {target}"))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}
