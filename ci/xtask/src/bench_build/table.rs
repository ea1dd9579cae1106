//! The figures as a table for docs/benchmarks.md; bold is what misses its bound.

use super::answers::Answers;
use crate::run::Figures;

/// All that was measured.
pub(super) struct Measured {
    pub(super) figures: Figures,
    pub(super) answers: Answers,
    /// Of the next version's bytes, those that are fetched by who has the one before.
    pub(super) fetched_share: f64,
    /// Nothing where the script by hand was not run.
    pub(super) by_hand_secs: Option<f64>,
}

/// A figure and its bound.
struct Row {
    figure: &'static str,
    value: f64,
    shown: String,
    at_most: f64,
    unit: &'static str,
}

fn row(figure: &'static str, value: f64, decimals: usize, at_most: f64, unit: &'static str) -> Row {
    Row {
        figure,
        value,
        shown: format!("{value:.decimals$}{unit}"),
        at_most,
        unit,
    }
}

pub(super) fn text(measured: &Measured) -> String {
    let mut text = "| figure | measured | at most |\n|---|---|---|\n".to_owned();
    for row in rows(measured) {
        let bold = if row.value <= row.at_most { "" } else { "**" };
        text.push_str(&format!(
            "| {} | {bold}{}{bold} | {}{} |\n",
            row.figure, row.shown, row.at_most, row.unit
        ));
    }
    text
}

fn rows(measured: &Measured) -> Vec<Row> {
    let Measured {
        figures, answers, ..
    } = measured;
    let cold = figures.cold_secs;
    let by_hand = measured.by_hand_secs.map(|by_hand| {
        let figure = "the same against a script by hand, which verifies nothing";
        row(figure, cold / by_hand, 2, 1.0, "")
    });
    let second = "second request, `packyard image build` with its start";
    let mut rows = vec![row(
        "cold build, base image to `verified`",
        cold,
        0,
        720.0,
        " s",
    )];
    rows.extend(by_hand);
    rows.extend([
        row(
            "of it, Packyard's own CPU",
            figures.own_cpu_secs,
            1,
            5.0,
            " s",
        ),
        row(
            "second request, on the server",
            figures.answer_ms,
            1,
            50.0,
            " ms",
        ),
        row(second, figures.reuse_ms, 0, 1000.0, " ms"),
        row(
            "the same, share of the cold build",
            figures.reuse_ms / 1000.0 / cold,
            5,
            0.01,
            "",
        ),
        Row {
            shown: format!("{:.1} / {:.1} ms", answers.p50_ms, answers.p99_ms),
            ..row(Answers::TITLE, answers.p99_ms, 1, 5.0, " ms")
        },
        row(
            "last role changed, share of the cold build",
            figures.incremental_secs / cold,
            2,
            0.25,
            "",
        ),
        row(
            "bytes fetched for the next version, share of the whole",
            measured.fetched_share,
            3,
            0.15,
            "",
        ),
        row(
            "`packyard serve` idle, both services",
            figures.idle_mb,
            0,
            60.0,
            " MB",
        ),
    ]);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(by_hand_secs: Option<f64>) -> Measured {
        Measured {
            figures: Figures {
                idle_mb: 30.0,
                own_cpu_secs: 5.5,
                answer_ms: 2.0,
                cold_secs: 400.0,
                reuse_ms: 20.0,
                incremental_secs: 100.0,
            },
            answers: Answers {
                p50_ms: 1.25,
                p99_ms: 4.0,
            },
            fetched_share: 0.2,
            by_hand_secs,
        }
    }

    #[test]
    fn shares_are_ratios_and_what_misses_its_bound_is_bold() {
        let text = text(&measured(Some(500.0)));
        for line in [
            "share of the cold build | 0.25 | 0.25 |",
            "by hand, which verifies nothing | 0.80 | 1 |",
            "the same, share of the cold build | 0.00005 | 0.01 |",
            "own CPU | **5.5 s** | 5 s |",
            "p50 / p99 | 1.2 / 4.0 ms | 5 ms |",
            "share of the whole | **0.200** | 0.15 |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_was_not_measured_has_no_row() {
        assert!(!text(&measured(None)).contains("by hand"));
    }
}
