//! Draws a timeline as SVG: one file, no script, nothing fetched, light and dark.

use std::fmt::Write as _;

use super::{Row, Timeline, duration_text, ticks};
use crate::build::StepState;
use crate::step::StepName;

/// All lengths are in pixels.
const WIDTH: f64 = 960.0;
const LABELS: f64 = 250.0;
const TIMES: f64 = 96.0;
const MARGIN: f64 = 16.0;
const TOP: f64 = 84.0;
const ROW: f64 = 24.0;
const BAR: f64 = 14.0;
/// A step of milliseconds still has to be seen.
const THINNEST: f64 = 2.0;
const MARKS: u32 = 8;
const LEGEND: [(&str, &str); 5] = [
    ("stage", "stage"),
    ("step", "other step"),
    ("cached", "was there"),
    ("running", "running"),
    ("failed", "failed"),
];

/// Plain colours first: not every program knows variables or asks how light it is.
const STYLE: &str = "\
svg{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\
.paper{fill:#fff}text{fill:#1f2733}.soft{fill:#667085}.title{font-size:15px;font-weight:600}.grid{stroke:#e4e7ec}\
.stage{fill:#2f7d5b}.step{fill:#4472b8}.running{fill:#d98a1f}.failed{fill:#c23b32}.idle{fill:#b6bdc9}\
.cached{fill:none;stroke:#2f7d5b;stroke-dasharray:3 2}\
@media(prefers-color-scheme:dark){\
.paper{fill:#161b22}text{fill:#e6e9ef}.soft{fill:#98a2b3}.grid{stroke:#2c3440}.stage{fill:#4fae84}.step{fill:#6f9be0}\
.running{fill:#e5a64b}.failed{fill:#e4685f}.idle{fill:#566070}.cached{stroke:#4fae84}}";

/// The timeline as a picture.
pub fn svg(timeline: &Timeline) -> String {
    let height = TOP + ROW * timeline.rows.len() as f64 + 44.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"Timeline of build {}\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n",
        escape(timeline.build.as_str())
    );
    head(&mut out, timeline);
    marks(&mut out, timeline, height);
    for (number, row) in timeline.rows.iter().enumerate() {
        line(&mut out, timeline, TOP + ROW * number as f64, row);
    }
    legend(&mut out, height - 16.0);
    out.push_str("</svg>\n");
    out
}

fn head(out: &mut String, timeline: &Timeline) {
    let state = timeline.state.as_str();
    let took = duration_text(timeline.seconds);
    let waited = match timeline.queued_seconds {
        waited if waited >= 1.0 => format!(", after {} in the queue", duration_text(waited)),
        _ => String::new(),
    };
    text(out, "title", MARGIN, 28.0, "start", &timeline.profile);
    let about = format!("build {}  ·  {state}  ·  {took}{waited}", timeline.build);
    text(out, "soft", MARGIN, 48.0, "start", &about);
}

fn marks(out: &mut String, timeline: &Timeline, height: f64) {
    let bottom = height - 36.0;
    for mark in ticks(timeline.seconds, MARKS) {
        let x = place(timeline, mark.at);
        push(
            out,
            format_args!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>\n",
                TOP - 6.0
            ),
        );
        text(out, "soft", x, TOP - 12.0, "middle", &mark.text);
    }
}

fn line(out: &mut String, timeline: &Timeline, top: f64, row: &Row) {
    let middle = top + ROW / 2.0;
    let base = middle + 4.0;
    let name = if row.begin.is_none() { "soft" } else { "" };
    text(out, name, MARGIN, base, "start", &shortened(&row.label));
    let y = middle - BAR / 2.0;
    let (Some(begin), Some(seconds)) = (row.begin, row.seconds) else {
        let x = place(timeline, 0.0);
        if row.cached {
            push(
                out,
                format_args!(
                    "<rect class=\"cached\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"64\" height=\"{BAR}\" rx=\"3\"/>\n"
                ),
            );
            text(out, "soft", x + 32.0, base - 1.0, "middle", "was there");
        }
        return;
    };
    let x = place(timeline, begin);
    let width = (place(timeline, begin + seconds) - x).max(THINNEST);
    let tries = match row.attempts {
        0 | 1 => String::new(),
        more => format!(", try {more}"),
    };
    let told = format!(
        "{}: {}, {}{tries}",
        row.label,
        row.state.as_str(),
        duration_text(seconds)
    );
    push(
        out,
        format_args!(
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"><title>{}</title></rect>\n",
            class(row),
            escape(&told)
        ),
    );
    let took = match row.state {
        StepState::Skipped => "not needed".to_owned(),
        _ => duration_text(seconds),
    };
    text(out, "soft", WIDTH - MARGIN, base, "end", &took);
}

fn class(row: &Row) -> &'static str {
    match (row.state, row.step) {
        (StepState::Failed, _) => "failed",
        (StepState::Running, _) => "running",
        (StepState::Skipped | StepState::Undone | StepState::Pending, _) => "idle",
        (StepState::Done, Some(StepName::RunStage)) => "stage",
        (StepState::Done, _) => "step",
    }
}

fn legend(out: &mut String, base: f64) {
    let mut x = MARGIN;
    for (class, meaning) in LEGEND {
        push(
            out,
            format_args!(
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"18\" height=\"10\" rx=\"2\"/>\n",
                base - 9.0
            ),
        );
        text(out, "soft", x + 24.0, base, "start", meaning);
        x += 24.0 + 7.0 * meaning.len() as f64 + 18.0;
    }
}

/// Seconds of the axis as pixels from the left.
fn place(timeline: &Timeline, seconds: f64) -> f64 {
    let room = WIDTH - LABELS - TIMES - MARGIN;
    match timeline.seconds {
        whole if whole > 0.0 => LABELS + room * (seconds / whole).clamp(0.0, 1.0),
        _ => LABELS,
    }
}

fn text(out: &mut String, class: &str, x: f64, y: f64, anchor: &str, content: &str) {
    push(
        out,
        format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
            escape(content)
        ),
    );
}

/// Labels have a column of their own; longer ones are cut.
fn shortened(label: &str) -> String {
    const LONGEST: usize = 34;
    match label.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &label[..cut]),
        None => label.to_owned(),
    }
}

/// Text as XML holds it. Control characters are not allowed there at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

fn push(out: &mut String, content: std::fmt::Arguments<'_>) {
    out.write_fmt(content)
        .expect("writing to a String does not fail");
}
