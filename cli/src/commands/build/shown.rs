//! How a build that is followed is shown: a board on a terminal, lines in a pipe, JSON for programs.

use imagebuilder_api::{BuildView, Event, EventType};

use super::board::Board;
use super::stream::{Listener, Told};
use crate::output::print;
use crate::progress::Bars;

/// One way to show it.
pub(crate) type Shown = Box<dyn Listener + Send>;

/// For people.
pub(crate) fn for_people(progress: &Bars) -> Shown {
    match progress.terminal() {
        Some(terminal) => Box::new(Board::new(terminal)),
        None if progress.is_quiet() => Box::new(Nothing),
        None => Box::new(Lines),
    }
}

/// For programs: what is told, one JSON object a line, on standard output.
pub(crate) fn for_programs() -> Shown {
    Box::new(JsonLines)
}

/// One line for what a person wants to read again later.
pub(super) fn line(event: &Event) -> Option<String> {
    match event.kind {
        // There are hundreds of them.
        EventType::AnsibleTask | EventType::Progress | EventType::ConditionChanged => None,
        _ => Some(format!(
            "{}  {}",
            event.at.strftime("%H:%M:%S"),
            said(event)
        )),
    }
}

/// The event as a sentence.
pub(super) fn said(event: &Event) -> String {
    match event.step {
        Some(step) if event.kind == EventType::StepStarted && event.message == step.as_str() => {
            format!("{step} …")
        }
        // The label of a step begins with its name.
        Some(step) if event.message.starts_with(step.as_str()) => event.message.clone(),
        Some(step) => format!("{step}: {}", event.message),
        None => event.message.clone(),
    }
}

pub(super) fn gap(missing: u64) -> String {
    format!("({missing} older events are no longer kept)")
}

struct Lines;

impl Listener for Lines {
    fn plan(&mut self, _: &BuildView) {}

    fn told(&mut self, told: &Told) {
        let line = match told {
            Told::Event(event) => line(event),
            Told::Gap { missing, .. } => Some(gap(*missing)),
        };
        if let Some(line) = line {
            eprintln!("{line}");
        }
    }
}

struct JsonLines;

impl Listener for JsonLines {
    fn plan(&mut self, _: &BuildView) {}

    fn told(&mut self, told: &Told) {
        // A reader that has gone away is noticed by the signal that it leaves.
        if let Ok(line) = serde_json::to_string(told) {
            drop(print(&line));
        }
    }
}

struct Nothing;

impl Listener for Nothing {
    fn plan(&mut self, _: &BuildView) {}
    fn told(&mut self, _: &Told) {}
}
