//! What the main job says at its end: `summary.json` for programs, a table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

/// The content of `target/run/summary.json`. Other programs read it: names stay.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) signature: String,
    /// The image's artifact, `REPOSITORY@DIGEST`.
    pub(super) image: String,
    /// The profile, `PROJECT/profiles/NAME:VERSION`.
    pub(super) profile: String,
    /// The server's data folder.
    pub(super) data: String,
    /// kube-bench's totals, by target.
    pub(super) kube_bench: BTreeMap<String, Value>,
    /// The stages of both builds.
    pub(super) stages: Vec<Stage>,
    pub(super) cold_secs: f64,
    pub(super) reuse_ms: f64,
    pub(super) incremental_secs: f64,
}

/// A stage, as one build met it.
#[derive(Debug, Serialize)]
pub(super) struct Stage {
    /// `cold` or `incremental`.
    pub(super) build: &'static str,
    pub(super) name: String,
    /// 0 for a stage that was there already.
    pub(super) seconds: f64,
    pub(super) cached: bool,
}

/// The stages in the answer of `packyard build show`.
pub(super) fn stages(build: &'static str, view: &Value) -> Result<Vec<Stage>> {
    let stages = view["stages"].as_array().context("the build's stages")?;
    stages
        .iter()
        .map(|stage| {
            Ok(Stage {
                build,
                name: stage["name"].as_str().context("a stage's name")?.to_owned(),
                seconds: stage["seconds"].as_f64().unwrap_or_default(),
                cached: stage["cached"]
                    .as_bool()
                    .context("whether a stage was cached")?,
            })
        })
        .collect()
}

/// kube-bench's totals in an image's record, by target.
pub(super) fn kube_bench(record: &Value) -> Result<BTreeMap<String, Value>> {
    let checks = record["checks"].as_array().context("the image's checks")?;
    let targets = checks.iter().filter_map(|check| {
        let target = check["name"].as_str()?.strip_prefix("kube-bench ")?;
        Some((target.to_owned(), check.get("totals")?.clone()))
    });
    Ok(targets.collect())
}

/// The table for people.
pub(super) fn table(summary: &Summary) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<22} {value}");
    };
    row("profile", &summary.profile);
    row("image", &summary.image);
    row("signature", &summary.signature);
    row("data", &summary.data);
    row("", "");
    for (target, totals) in &summary.kube_bench {
        row(&format!("kube-bench {target}"), &totals_line(totals));
    }
    row("", "");
    row("stage", "       cold     after the change");
    for stage in summary.stages.iter().filter(|stage| stage.build == "cold") {
        let again = summary
            .stages
            .iter()
            .find(|other| other.build == "incremental" && other.name == stage.name);
        row(
            &stage.name,
            &format!("{:>11}  {:>11}", spent(Some(stage)), spent(again)),
        );
    }
    row("", "");
    row("cold build", &format!("{:.1} s", summary.cold_secs));
    row("second request", &format!("{:.0} ms", summary.reuse_ms));
    let share = summary.incremental_secs / summary.cold_secs * 100.0;
    row(
        "last role changed",
        &format!(
            "{:.1} s ({share:.0} % of the cold build)",
            summary.incremental_secs
        ),
    );
    text
}

fn spent(stage: Option<&Stage>) -> String {
    match stage {
        None => "-".to_owned(),
        Some(stage) if stage.cached => "stored".to_owned(),
        Some(stage) => format!("{:.1} s", stage.seconds),
    }
}

fn totals_line(totals: &Value) -> String {
    let fields = totals.as_object().into_iter().flatten();
    fields
        .map(|(name, count)| format!("{count} {}", name.trim_start_matches("total_")))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn takes_totals_and_stages_out_of_the_answers() {
        let record = json!({ "checks": [
            { "name": "boot", "passed": true },
            { "name": "kube-bench node", "totals": { "total_pass": 20, "total_fail": 0 } },
        ]});
        let benches = kube_bench(&record).unwrap();
        assert_eq!(benches["node"]["total_pass"], 20);
        assert_eq!(totals_line(&benches["node"]), "20 pass, 0 fail");
        let view = json!({ "stages": [{ "name": "harden", "cached": false, "seconds": 1.5 }, { "name": "base", "cached": true }] });
        let found = stages("cold", &view).unwrap();
        assert_eq!((found[0].seconds, found[1].cached), (1.5, true));
    }

    #[test]
    fn the_summary_has_the_names_that_others_read() {
        let summary = Summary {
            signature: String::new(),
            image: String::new(),
            profile: String::new(),
            data: String::new(),
            kube_bench: BTreeMap::new(),
            stages: vec![],
            cold_secs: 1.0,
            reuse_ms: 1.0,
            incremental_secs: 1.0,
        };
        let value = serde_json::to_value(&summary).unwrap();
        let names: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            names,
            [
                "signature",
                "image",
                "profile",
                "data",
                "kube_bench",
                "stages",
                "cold_secs",
                "reuse_ms",
                "incremental_secs"
            ]
        );
    }
}
