//! The table for people.

use comfy_table::{CellAlignment, Table, presets};

use super::{Figure, Goal, Report};

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n", report.machine);
    for figure in &report.figures {
        text.push_str(&format!(
            "\n{} ({})\n{}\n",
            figure.title,
            figure.unit,
            bars(figure)
        ));
        for verdict in &figure.verdicts {
            let (word, bound) = match verdict.goal {
                Goal::AtLeast(bound) => ("at least", bound),
                Goal::AtMost(bound) => ("at most", bound),
            };
            let mark = if verdict.is_reached() {
                "reached"
            } else {
                "MISSED"
            };
            text.push_str(&format!(
                "  {}: {} ({word} {}: {mark})\n",
                verdict.what,
                short(verdict.value),
                short(bound)
            ));
        }
    }
    text
}

fn bars(figure: &Figure) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "median", "lowest", "highest", "CPU s/GiB"]);
    for bar in &figure.bars {
        let lowest = bar.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = bar.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        table.add_row([
            bar.name.clone(),
            short(bar.median),
            short(lowest),
            short(highest),
            bar.cpu_secs_per_gib.map_or_else(String::new, short),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Three digits, as many as a figure of a shared machine is worth.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_figures_and_what_was_missed() {
        let text = render(&super::super::example());
        assert!(
            text.contains("| packyard     |   4.00 |   3.00 |    5.00 |      0.20 |"),
            "{text}"
        );
        assert!(
            text.contains("packyard / distribution: 2.00 (at least 2.50: MISSED)"),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (130_123.4, "130123"),
            (12.34, "12.3"),
            (0.5, "0.50"),
            (0.012, "0.0120"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}
