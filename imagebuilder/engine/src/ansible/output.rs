//! What a task said, out of ansible-runner's events, as text that people read.
//!
//! Ansible shows little of a task that went well; its event has all of it.

use serde_json::Value;

use crate::ansible::plain_text::plain;

/// Of a task that says more, the rest is left out, and a line says so.
pub(crate) const TASK_BYTES: usize = 2 << 20;
/// The same for the whole run.
pub(crate) const RUN_BYTES: usize = 64 << 20;
/// Of a loop, so many items are shown.
const ITEMS: usize = 100;

/// Counts what was passed on, so that a role that prints a gigabyte fills nobody's disk.
#[derive(Debug, Default)]
pub(super) struct Budget {
    task: usize,
    run: usize,
    told: bool,
}

impl Budget {
    /// Another task begins.
    pub(super) fn next_task(&mut self) {
        self.task = 0;
        self.told = false;
    }

    /// The text, or nothing once there was too much of it. It is never cut inside: half a
    /// secret would not be recognised.
    pub(super) fn allow(&mut self, text: String) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        if self.task + text.len() > TASK_BYTES || self.run + text.len() > RUN_BYTES {
            let first = !std::mem::replace(&mut self.told, true);
            return first.then(|| {
                format!(
                    "({} bytes are left out here, and whatever follows)\n",
                    text.len()
                )
            });
        }
        self.task += text.len();
        self.run += text.len();
        Some(text)
    }
}

/// What an event of a task says.
pub(super) fn text(event: &Value) -> String {
    let mut out = String::new();
    let shown = plain(event["stdout"].as_str().unwrap_or_default());
    if !shown.trim().is_empty() {
        out.push_str(shown.trim_matches(['\n', '\r']));
        out.push('\n');
    }
    let data = &event["event_data"];
    let name = event["event"].as_str().unwrap_or_default();
    if name.starts_with("runner_on_") || name.starts_with("runner_item_on_") {
        result(&data["res"], &mut out);
    }
    out
}

fn result(result: &Value, out: &mut String) {
    if result["censored"].is_string() || result["_ansible_no_log"] == Value::Bool(true) {
        return;
    }
    for key in ["msg", "stdout", "stderr", "module_stdout", "module_stderr"] {
        let said = match &result[key] {
            Value::String(said) => plain(said),
            Value::Null => continue,
            other => other.to_string(),
        };
        // Of a task that failed, Ansible itself has shown it.
        if !said.trim().is_empty() && !out.contains(said.trim()) {
            out.push_str(&format!("  {key}:\n"));
            said.lines()
                .for_each(|line| out.push_str(&format!("    {line}\n")));
        }
    }
    for item in result["results"]
        .as_array()
        .into_iter()
        .flatten()
        .take(ITEMS)
    {
        self::result(item, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_that_went_well_shows_what_its_command_said() {
        let event = json!({"event": "runner_on_ok", "stdout": "\u{1b}[0;33mchanged: [image]\u{1b}[0m",
            "event_data": {"res": {"stdout": "one\ntwo", "stderr": "", "msg": ""}}});
        assert_eq!(
            text(&event),
            "changed: [image]\n  stdout:\n    one\n    two\n"
        );
        let hidden = json!({"event": "runner_on_ok", "stdout": "ok: [image]",
            "event_data": {"res": {"censored": "hidden", "stdout": "s3cret"}}});
        assert_eq!(text(&hidden), "ok: [image]\n");
    }

    #[test]
    fn too_much_is_left_out_once_for_each_task() {
        let mut budget = Budget::default();
        let large = || "x".repeat(TASK_BYTES - 10);
        assert_eq!(budget.allow(large()), Some(large()));
        assert!(budget.allow(large()).unwrap().contains("left out"));
        assert_eq!(budget.allow(large()), None);
        budget.next_task();
        assert_eq!(budget.allow("short".to_owned()), Some("short".to_owned()));
    }
}
