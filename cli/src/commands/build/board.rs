//! A running build on a terminal: finished steps above, then the step at work, the Ansible
//! task that it is in, and one bar for the whole.
//!
//! ```text
//!   ✓ WaitForSsh                    35 s  machine answers with its own host key
//! ⠙ RunStage: kubernetes  1:02
//!     kubernetes: Install the kubelet  (task 12)
//! ━━━━━━━━━━━━━━━━━━────────────  9 of 16 steps  0:04:12
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use imagebuilder_api::timeline::duration_text;
use imagebuilder_api::{BuildView, Event, EventType, StepName, StepState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::shown::{gap, line, said};
use super::stream::{Listener, Told};

const TICK: Duration = Duration::from_millis(120);
/// Steps that come once for each stage that is to be made.
const PER_STAGE: [StepName; 2] = [StepName::RunStage, StepName::Checkpoint];

/// The board. It clears itself away when it is dropped; the finished steps stay.
pub(super) struct Board {
    terminal: MultiProgress,
    step: ProgressBar,
    task: ProgressBar,
    whole: ProgressBar,
    done: BTreeSet<String>,
}

impl Board {
    pub(super) fn new(terminal: &MultiProgress) -> Self {
        let bar = |template: &str| {
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            terminal.add(ProgressBar::new(0).with_style(style.progress_chars("━╸─")))
        };
        let board = Self {
            step: bar("{spinner} {wide_msg}"),
            task: bar("    {wide_msg}"),
            whole: bar("{bar:30} {pos} of {len} steps  {elapsed_precise}"),
            terminal: terminal.clone(),
            done: BTreeSet::new(),
        };
        board.step.set_message("waiting for a worker");
        board.step.enable_steady_tick(TICK);
        board.whole.enable_steady_tick(TICK);
        board
    }

    fn event(&mut self, event: &Event) {
        match event.kind {
            EventType::StepStarted => {
                self.done.remove(&key(event));
                self.step.set_message(said(event));
                self.task.set_message("");
            }
            EventType::StepSucceeded | EventType::StepSkipped => {
                self.done.insert(key(event));
                self.task.set_message("");
                self.above(finished(event));
            }
            EventType::AnsibleTask => self.task.set_message(task(event)),
            EventType::Progress => self.task.set_message(event.message.clone()),
            _ => {
                if let Some(line) = line(event) {
                    self.above(line);
                }
            }
        }
        self.whole.set_position(self.done.len() as u64);
    }

    fn above(&self, line: String) {
        // A terminal that cannot be written to shows nothing anyway.
        drop(self.terminal.println(line));
    }
}

impl Listener for Board {
    fn plan(&mut self, view: &BuildView) {
        let missing = view.stages.iter().filter(|stage| !stage.cached).count();
        let steps = StepName::ALL.len() - PER_STAGE.len() + missing * PER_STAGE.len();
        self.whole.set_length(steps as u64);
        for step in &view.steps {
            let stage = step.part.as_deref().and_then(|part| {
                let stage = view.stages.iter().find(|stage| stage.id.as_str() == part)?;
                Some(stage.name.as_str())
            });
            if matches!(step.state, StepState::Done | StepState::Skipped) {
                self.done.insert(key_of(Some(step.name), stage));
            }
        }
        self.whole.set_position(self.done.len() as u64);
    }

    fn told(&mut self, told: &Told) {
        match told {
            Told::Event(event) => self.event(event),
            Told::Gap { missing, .. } => self.above(gap(*missing)),
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        for bar in [&self.step, &self.task, &self.whole] {
            bar.finish_and_clear();
        }
    }
}

/// A step and its stage, as one word. The beginning of a step names the stage in its label.
fn key(event: &Event) -> String {
    let data = event.data.as_ref();
    let part = data.and_then(|data| data.get("part")?.as_str());
    let label = event.message.split_once(": ").map(|(_, stage)| stage);
    let stage = match event.kind {
        EventType::StepStarted => label,
        _ => part,
    };
    key_of(event.step, stage)
}

fn key_of(step: Option<StepName>, stage: Option<&str>) -> String {
    let step = step.map(StepName::as_str).unwrap_or_default();
    format!("{step} {}", stage.unwrap_or_default())
}

fn finished(event: &Event) -> String {
    let data = event.data.as_ref();
    let seconds = data.and_then(|data| data.get("seconds")?.as_f64());
    let cached = data.and_then(|data| data.get("cached")?.as_bool()) == Some(true);
    let mark = match (event.kind, cached) {
        (EventType::StepSkipped, _) => "·",
        (_, true) => "=",
        _ => "✓",
    };
    let took = seconds.map(duration_text).unwrap_or_default();
    format!(
        "  {mark} {:30} {took:>12}  {}",
        key(event).trim_end(),
        event.message
    )
}

fn task(event: &Event) -> String {
    let number = event
        .data
        .as_ref()
        .and_then(|data| data.get("number")?.as_u64());
    match number {
        Some(number) => format!("{}  (task {number})", event.message),
        None => event.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use imagebuilder_api::Event;
    use indicatif::{MultiProgress, ProgressDrawTarget};
    use serde_json::json;

    use super::*;

    fn event(seq: u64, kind: &str, step: &str, message: &str, data: serde_json::Value) -> Told {
        let event = json!({"seq": seq, "at": "2026-11-21T10:00:00Z", "type": kind, "step": step,
            "message": message, "data": data});
        Told::Event(serde_json::from_value::<Event>(event).expect("an event"))
    }

    #[test]
    fn it_says_which_step_which_task_and_how_far() {
        let terminal = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut board = Board::new(&terminal);
        let done = json!({"seconds": 35.0, "cached": false, "part": null});
        let waited = event(1, "StepSucceeded", "WaitForSsh", "it answers", done);
        if let Told::Event(waited) = &waited {
            assert_eq!(
                finished(waited),
                "  ✓ WaitForSsh                             35 s  it answers"
            );
        }
        board.told(&waited);
        let begun = event(
            2,
            "StepStarted",
            "RunStage",
            "RunStage: kubernetes",
            json!(null),
        );
        board.told(&begun);
        let task = json!({"number": 12, "task": "Install", "role": "kubernetes"});
        board.told(&event(
            3,
            "AnsibleTask",
            "RunStage",
            "kubernetes: Install",
            task,
        ));
        assert_eq!(board.step.message(), "RunStage: kubernetes");
        assert_eq!(board.task.message(), "kubernetes: Install  (task 12)");
        assert_eq!(board.whole.position(), 1);
        let made = json!({"seconds": 60.0, "cached": false, "part": "kubernetes"});
        board.told(&event(
            4,
            "StepSucceeded",
            "RunStage",
            "kubernetes: 12 tasks",
            made.clone(),
        ));
        assert_eq!(board.whole.position(), 2);
        // A machine was lost: the stage is made again, and counted once.
        board.told(&begun);
        assert_eq!(board.whole.position(), 1);
        board.told(&event(
            6,
            "StepSucceeded",
            "RunStage",
            "kubernetes: 12 tasks",
            made,
        ));
        assert_eq!(board.whole.position(), 2);
    }
}
