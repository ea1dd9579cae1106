//! A build's timeline on a terminal: one bar for each step, on one axis.

use imagebuilder_api::StepState;
use imagebuilder_api::timeline::{Row, Timeline, duration_text, ticks};

/// How wide the axis is, in characters.
const AXIS: usize = 48;
const LABELS: usize = 32;
/// Marks need room for their texts.
const MARKS: u32 = 4;

/// The timeline as text.
pub(super) fn text(timeline: &Timeline) -> String {
    let mut lines = vec![
        format!("{}  {}", timeline.build, timeline.state.as_str()),
        format!(
            "  {} in all, {} in the queue before",
            duration_text(timeline.seconds),
            duration_text(timeline.queued_seconds)
        ),
        format!("{:LABELS$} {}", "", axis(timeline)),
    ];
    lines.extend(timeline.rows.iter().map(|row| line(timeline, row)));
    lines.join("\n")
}

fn axis(timeline: &Timeline) -> String {
    let mut line = String::new();
    for mark in ticks(timeline.seconds, MARKS) {
        let at = column(timeline, mark.at);
        let length = line.chars().count();
        if at >= length {
            line.push_str(&" ".repeat(at - length));
            line.push_str(&format!("|{} ", mark.text));
        }
    }
    line.trim_end().to_owned()
}

fn line(timeline: &Timeline, row: &Row) -> String {
    let label: String = row.label.chars().take(LABELS).collect();
    let (Some(begin), Some(seconds)) = (row.begin, row.seconds) else {
        let how = if row.cached { "was there" } else { "" };
        return format!("{label:LABELS$} {how}").trim_end().to_owned();
    };
    let from = column(timeline, begin).min(AXIS - 1);
    let to = column(timeline, begin + seconds).clamp(from + 1, AXIS);
    let bar = format!("{}{}", " ".repeat(from), fill(row).repeat(to - from));
    let tries = match row.attempts {
        0 | 1 => String::new(),
        more => format!("  try {more}"),
    };
    let state = match row.state {
        StepState::Done => String::new(),
        other => format!("  {}", other.as_str()),
    };
    let took = duration_text(seconds);
    format!("{label:LABELS$} {bar:AXIS$} {took:>12}{state}{tries}")
}

fn fill(row: &Row) -> &'static str {
    match row.state {
        StepState::Failed => "x",
        StepState::Running => "▒",
        StepState::Skipped | StepState::Undone | StepState::Pending => "·",
        StepState::Done => "█",
    }
}

fn column(timeline: &Timeline, seconds: f64) -> usize {
    match timeline.seconds {
        whole if whole > 0.0 => (AXIS as f64 * (seconds / whole).clamp(0.0, 1.0)).floor() as usize,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bars_stand_where_they_belong() {
        let row = |label: &str,
                   state: &str,
                   begin: Option<f64>,
                   seconds: Option<f64>,
                   attempts: u32| {
            json!({"label": label, "state": state, "cached": begin.is_none(), "attempts": attempts, "begin": begin, "seconds": seconds})
        };
        let timeline: Timeline = serde_json::from_value(json!({
            "build": "b-1", "profile": "p", "state": "failed", "from": "2026-11-21T10:00:00Z", "seconds": 96.0,
            "queuedSeconds": 2.0,
            "rows": [row("FindReusable", "done", Some(0.0), Some(0.1), 1), row("stage harden", "done", None, None, 0),
                row("RunStage kubernetes", "done", Some(24.0), Some(48.0), 2), row("KubeBench", "failed", Some(72.0), Some(24.0), 1)],
        }))
        .expect("a timeline");
        let expected = "\
b-1  failed
  1 min 36 s in all, 2 s in the queue before
                                 |0 s           |30 s          |1 min         |1 min 30 s
FindReusable                     █                                                       0.1 s
stage harden                     was there
RunStage kubernetes                          ████████████████████████                     48 s  try 2
KubeBench                                                            xxxxxxxxxxxx         24 s  failed";
        assert_eq!(text(&timeline), expected);
    }
}
