//! The goals that figures are shown with. They are promises of the design, not bounds of a test.

use crate::report::{Figure, Goal, Verdict};
use crate::server::Kind;

/// What a figure should reach beside another server.
pub(super) struct Beside {
    pub(super) other: Kind,
    /// Our median as a multiple of theirs.
    pub(super) figure: Option<Goal>,
    /// Our CPU seconds per GiB as a multiple of theirs.
    pub(super) cpu: Option<Goal>,
}

/// Adds what the goals say to a figure.
pub(super) fn judge(figure: &mut Figure, goals: &[Beside]) {
    let ours = Kind::Ours.name();
    for goal in goals {
        let other = goal.other.name();
        let cpu = |name: &str| figure.bar(name).and_then(|bar| bar.cpu_secs_per_gib);
        let found = [
            (goal.figure, figure.ratio(ours, other), ""),
            (
                goal.cpu,
                cpu(ours).zip(cpu(other)).map(|(ours, other)| ours / other),
                ", CPU seconds per GiB",
            ),
        ];
        for (goal, ratio, of) in found {
            if let Some((goal, ratio)) = goal.zip(ratio) {
                let what = format!("{ours} / {other}{of}");
                figure.verdicts.push(Verdict::new(what, ratio, goal));
            }
        }
    }
}
