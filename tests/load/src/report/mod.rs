//! Figures and how they are shown: a table for people, JSON for machines, a chart for each.

mod chart;
mod table;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// What they were measured on.
    pub(crate) machine: String,
    pub(crate) figures: Vec<Figure>,
}

/// One thing that was measured of one or more servers.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// The chart's file name.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) bars: Vec<Bar>,
    pub(crate) verdicts: Vec<Verdict>,
}

/// What one server, or one case, reached.
#[derive(Debug, Serialize)]
pub(crate) struct Bar {
    pub(crate) name: String,
    /// The middle one of all rounds.
    pub(crate) median: f64,
    pub(crate) rounds: Vec<f64>,
    /// The server's CPU seconds for each GiB, where bytes are what counts.
    pub(crate) cpu_secs_per_gib: Option<f64>,
}

/// A ratio and what it should be. Nothing fails by it.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) goal: Goal,
}

/// A bound that a ratio or a figure should keep.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Verdict {
    pub(crate) fn new(what: impl Into<String>, value: f64, goal: Goal) -> Self {
        Self {
            what: what.into(),
            value,
            goal,
        }
    }

    pub(crate) fn is_reached(&self) -> bool {
        match self.goal {
            Goal::AtLeast(bound) => self.value >= bound,
            Goal::AtMost(bound) => self.value <= bound,
        }
    }
}

impl Bar {
    pub(crate) fn new(name: impl Into<String>, rounds: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            median: median(&rounds),
            rounds,
            cpu_secs_per_gib: None,
        }
    }

    pub(crate) fn with_cpu(mut self, rounds: &[f64]) -> Self {
        self.cpu_secs_per_gib = Some(median(rounds));
        self
    }
}

impl Figure {
    pub(crate) fn bar(&self, name: &str) -> Option<&Bar> {
        self.bars.iter().find(|bar| bar.name == name)
    }

    /// One bar's median as a multiple of another's; nothing where one was not measured.
    pub(crate) fn ratio(&self, of: &str, to: &str) -> Option<f64> {
        Some(self.bar(of)?.median / self.bar(to)?.median)
    }
}

impl Report {
    /// Writes everything into a folder and prints the table.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let write = |name: String, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        let table = table::render(self);
        println!("{table}");
        write("table.txt".to_owned(), table)?;
        write(
            "results.json".to_owned(),
            serde_json::to_string_pretty(self)?,
        )?;
        for figure in &self.figures {
            write(format!("{}.svg", figure.id), chart::render(figure))?;
        }
        Ok(())
    }
}

/// The middle of some values; of an even number of them the lower one. Of none it is no number.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
pub(crate) fn example() -> Report {
    let mut figure = Figure {
        id: "pull".to_owned(),
        title: "Pull of a <blob>".to_owned(),
        unit: "GiB/s",
        bars: vec![
            Bar::new("packyard", vec![3.0, 5.0, 4.0]).with_cpu(&[0.2]),
            Bar::new("distribution", vec![2.0]),
        ],
        verdicts: Vec::new(),
    };
    let ratio = figure.ratio("packyard", "distribution").unwrap();
    figure.verdicts.push(Verdict::new(
        "packyard / distribution",
        ratio,
        Goal::AtLeast(2.5),
    ));
    Report {
        machine: "two cores".to_owned(),
        figures: vec![figure],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn everything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        example().write(folder.path()).unwrap();
        for name in ["table.txt", "results.json", "pull.svg"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        let verdict = &example().figures[0].verdicts[0];
        assert!(!verdict.is_reached());
    }
}
