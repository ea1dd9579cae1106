//! Reads ansible-runner's stream of JSON events.
//!
//! It keeps the last failure only: an earlier one was rescued or ignored.

use serde_json::Value;

use crate::ansible::output::{self, Budget};
use crate::ansible::plain_text::plain;
use crate::ansible::{AnsibleError, Progress, Recap, TaskEnd};
use crate::process::tail;
use crate::resolve::Masker;

/// How much of a module's output goes into a message.
const MESSAGE_BYTES: usize = 2000;
/// What to do about a task whose result Ansible itself could not hold.
const SAY_LESS: &str = "it said more than this host takes from a task; let it say less, or write to a file of the machine";

/// What was understood so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Before anything is cut to size: half a secret would not be recognised.
    masker: Masker,
    budget: Budget,
    tasks: u32,
    current: Option<(Option<String>, String)>,
    /// Whether the running task said too much for its event to be read.
    unread: bool,
    failure: Option<AnsibleError>,
    recap: Recap,
    /// Lines that are no event of a task: what Ansible itself has to say.
    said: String,
}

impl Reader {
    /// A reader that passes no secret on.
    pub(crate) fn new(masker: Masker) -> Self {
        Self {
            masker,
            ..Self::default()
        }
    }

    /// Takes one line; answers with what to report.
    pub(crate) fn line(&mut self, line: &str) -> Vec<Progress> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            let line = self.masker.mask(line);
            self.say(&line);
            return Vec::new();
        };
        let event = self.masker.json(event);
        let mut report = Vec::new();
        report.extend(self.event(&event));
        let said = self.budget.allow(output::text(&event));
        report.extend(said.map(|text| Progress::Output {
            number: self.tasks,
            text,
        }));
        let number = self.tasks;
        report.extend(ended(&event).map(|end| Progress::TaskEnded { number, end }));
        report
    }

    fn event(&mut self, event: &Value) -> Option<Progress> {
        let data = &event["event_data"];
        match event["event"].as_str().unwrap_or_default() {
            "playbook_on_task_start" | "playbook_on_handler_task_start" => {
                self.budget.next_task();
                return Some(self.task(data));
            }
            "runner_on_failed" if data["ignore_errors"] != Value::Bool(true) => {
                self.failure = Some(failed(data));
            }
            "runner_on_unreachable" => self.failure = Some(unreachable(data)),
            "playbook_on_stats" => self.recap = recap(data),
            "verbose" | "error" | "warning" | "deprecated" | "system_warning" => {
                self.say(event["stdout"].as_str().unwrap_or_default());
            }
            _ => {}
        }
        None
    }

    /// An event was too long to be read: what it says is lost, and that it was.
    pub(crate) fn overlong(&mut self) -> Progress {
        self.unread = true;
        Progress::Output {
            number: self.tasks,
            text: format!("(what this task said is left out: {SAY_LESS})\n"),
        }
    }

    /// Where the run was last.
    pub(crate) fn last_task(&self) -> String {
        match &self.current {
            Some((Some(role), task)) => format!("task \"{task}\" of role {role}"),
            Some((None, task)) => format!("task \"{task}\""),
            None => "no task yet".to_owned(),
        }
    }

    /// The verdict, once Ansible ended with `code`.
    pub(crate) fn finish(mut self, code: Option<i32>, stderr: &str) -> Result<Recap, AnsibleError> {
        if code == Some(0) {
            return Ok(self.recap);
        }
        // The task that failed is the last: where its event could not be read, it is known by that.
        let unread = |reader: &Self| {
            let (role, task) = reader.current.clone().filter(|_| reader.unread)?;
            Some(AnsibleError::Task {
                role,
                task,
                host: crate::ansible::HOST.to_owned(),
                message: SAY_LESS.to_owned(),
            })
        };
        let failure = self.failure.take().or_else(|| unread(&self));
        Err(failure.unwrap_or_else(|| {
            let said = format!("{}\n{}", self.said, stderr);
            AnsibleError::Ended {
                code: code.unwrap_or(-1),
                message: tail(&plain(&said), MESSAGE_BYTES),
            }
        }))
    }

    fn task(&mut self, data: &Value) -> Progress {
        self.tasks += 1;
        self.unread = false;
        let name = text(&data["task"])
            .or_else(|| text(&data["name"]))
            .unwrap_or_else(|| "unnamed".to_owned());
        // Ansible repeats the role before the task's name in some versions.
        let role = text(&data["role"]);
        let name = role
            .as_deref()
            .and_then(|role| name.strip_prefix(role)?.strip_prefix(" : "))
            .map_or_else(|| name.clone(), str::to_owned);
        self.current = Some((role.clone(), name.clone()));
        Progress::Task {
            number: self.tasks,
            name,
            role,
        }
    }

    fn say(&mut self, text: &str) {
        if self.said.len() < 16 << 10 {
            self.said.push_str(text);
            self.said.push('\n');
        }
    }
}

/// How the task that runs ended, where the event says that it did.
fn ended(event: &Value) -> Option<TaskEnd> {
    let data = &event["event_data"];
    Some(match event["event"].as_str()? {
        "runner_on_ok" if data["res"]["changed"] == Value::Bool(true) => TaskEnd::Changed,
        "runner_on_ok" => TaskEnd::Ok,
        "runner_on_skipped" => TaskEnd::Skipped,
        "runner_on_failed" if data["ignore_errors"] == Value::Bool(true) => TaskEnd::Ignored,
        "runner_on_failed" => TaskEnd::Failed,
        "runner_on_unreachable" => TaskEnd::Unreachable,
        _ => return None,
    })
}

fn failed(data: &Value) -> AnsibleError {
    let (role, task, host) = place(data);
    AnsibleError::Task {
        role,
        task,
        host,
        message: message(&data["res"]),
    }
}

fn unreachable(data: &Value) -> AnsibleError {
    let (role, task, host) = place(data);
    AnsibleError::Unreachable {
        role,
        task,
        host,
        message: message(&data["res"]),
    }
}

fn place(data: &Value) -> (Option<String>, String, String) {
    let task = text(&data["task"]).unwrap_or_else(|| "unnamed".to_owned());
    let host = text(&data["host"]).unwrap_or_else(|| crate::ansible::HOST.to_owned());
    (text(&data["role"]), task, host)
}

/// What a module said: its message, then what the command that it ran said.
fn message(result: &Value) -> String {
    if result["censored"].is_string() || result["_ansible_no_log"] == Value::Bool(true) {
        return "the output is hidden, because the task has no_log".to_owned();
    }
    // Of a loop, the item that failed.
    if let Some(item) = result["results"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["failed"] == true))
    {
        let which = item["item"]
            .as_str()
            .map_or_else(|| item["item"].to_string(), str::to_owned);
        return format!("item {which}: {}", message(item));
    }
    let mut parts: Vec<String> = Vec::new();
    if too_large(result) {
        parts.push(SAY_LESS.to_owned());
    }
    for key in ["msg", "module_stderr", "stderr", "stdout"] {
        let said = match &result[key] {
            Value::Null => continue,
            Value::String(said) => plain(said).trim().to_owned(),
            other => other.to_string(),
        };
        if !said.is_empty() && !parts.iter().any(|part| part.contains(&said)) {
            parts.push(tail(&said, MESSAGE_BYTES));
        }
        // Standard output matters only where there is no better word.
        if key == "stderr" && parts.len() > 1 {
            break;
        }
    }
    if parts.is_empty() {
        "the task said nothing".to_owned()
    } else {
        parts.join(": ")
    }
}

/// ansible-core's words where a result is more than its processes can hold or pass on.
fn too_large(result: &Value) -> bool {
    let said = result["msg"].as_str().unwrap_or_default();
    said.contains("queue send failure") || said.contains("MemoryError")
}

fn recap(data: &Value) -> Recap {
    let count = |key: &str| {
        let of = |counts: &serde_json::Map<String, Value>| {
            counts.values().filter_map(Value::as_u64).sum::<u64>()
        };
        data[key]
            .as_object()
            .map_or(0, |counts| u32::try_from(of(counts)).unwrap_or(u32::MAX))
    };
    Recap {
        ok: count("ok"),
        changed: count("changed"),
        skipped: count("skipped"),
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(events: &[Value], code: i32) -> (Vec<Progress>, Result<Recap, AnsibleError>) {
        let mut reader = Reader::default();
        let progress = events
            .iter()
            .flat_map(|event| reader.line(&event.to_string()))
            .filter(|one| matches!(one, Progress::Task { .. }))
            .collect();
        (progress, reader.finish(Some(code), ""))
    }

    fn task(name: &str) -> Value {
        json!({"event": "playbook_on_task_start", "event_data": {"task": name, "role": "harden"}})
    }

    fn failure(result: Value) -> Value {
        json!({"event": "runner_on_failed", "event_data": {"task": "Set modes", "role": "harden", "host": "image", "res": result}})
    }

    #[test]
    fn tasks_are_counted_and_the_recap_is_kept() {
        let stats = json!({"event": "playbook_on_stats", "event_data": {"ok": {"image": 2}, "changed": {"image": 1}, "skipped": {}}});
        let (progress, end) = read(&[task("One"), task("harden : Two"), stats], 0);
        let second = Progress::Task {
            number: 2,
            name: "Two".into(),
            role: Some("harden".into()),
        };
        assert_eq!(progress.last(), Some(&second));
        assert_eq!(
            end.unwrap(),
            Recap {
                ok: 2,
                changed: 1,
                skipped: 0
            }
        );
    }

    #[test]
    fn each_task_says_how_it_ended() {
        let cases = [
            (
                "runner_on_ok",
                json!({"res": {"changed": true}}),
                TaskEnd::Changed,
            ),
            (
                "runner_on_ok",
                json!({"res": {"changed": false}}),
                TaskEnd::Ok,
            ),
            ("runner_on_skipped", json!({}), TaskEnd::Skipped),
            ("runner_on_failed", json!({"res": {}}), TaskEnd::Failed),
            (
                "runner_on_failed",
                json!({"ignore_errors": true}),
                TaskEnd::Ignored,
            ),
            ("runner_on_unreachable", json!({}), TaskEnd::Unreachable),
        ];
        for (event, data, end) in cases {
            let mut reader = Reader::default();
            reader.line(&task("One").to_string());
            let event = json!({"event": event, "event_data": data});
            let said = reader.line(&event.to_string());
            let number = 1;
            assert_eq!(said.last(), Some(&Progress::TaskEnded { number, end }));
        }
        let item = json!({"event": "runner_item_on_ok", "event_data": {}});
        assert_eq!(Reader::default().line(&item.to_string()), []);
    }

    #[test]
    fn a_failure_names_task_role_host_and_reason() {
        let cases = [
            (
                json!({"msg": "non-zero return code", "stderr": "no such file"}),
                "non-zero return code: no such file",
            ),
            (json!({"msg": "bad mode"}), "bad mode"),
            (
                json!({"results": [{"item": "a"}, {"item": "b", "failed": true, "msg": "no"}], "msg": "One or more items failed"}),
                "item b: no",
            ),
            (
                json!({"censored": "the output has been hidden"}),
                "the output is hidden, because the task has no_log",
            ),
            (json!({}), "the task said nothing"),
        ];
        for (result, message) in cases {
            let (_, end) = read(&[failure(result)], 2);
            let said = end.unwrap_err().to_string();
            assert_eq!(
                said,
                format!("task \"Set modes\" of role harden failed on host image: {message}")
            );
        }
    }

    #[test]
    fn a_rescued_failure_is_none() {
        let (_, end) = read(&[failure(json!({"msg": "no"}))], 0);
        assert!(end.is_ok());
    }

    #[test]
    fn ansibles_own_complaint_is_kept_without_colours() {
        let verbose = json!({"event": "verbose", "stdout": "\u{1b}[0;31mERROR! the role 'x' was not found\u{1b}[0m\r"});
        let (_, end) = read(&[verbose], 4);
        assert_eq!(
            end.unwrap_err().to_string(),
            "Ansible ended with code 4: ERROR! the role 'x' was not found"
        );
    }

    #[test]
    fn no_secret_is_passed_on_even_where_a_message_is_cut() {
        let secret = "s3cr3t-".repeat(100);
        let mut reader = Reader::new(Masker::new([secret.clone()]));
        let long = format!("{secret}{}", "x".repeat(MESSAGE_BYTES - 300));
        let event = failure(json!({"msg": long, "stdout": secret, "rc": 1}));
        let report = format!("{:?}", reader.line(&event.to_string()));
        assert!(
            report.contains("********") && !report.contains("s3cr3t"),
            "{report}"
        );
        let said = reader.finish(Some(2), "").unwrap_err().to_string();
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
