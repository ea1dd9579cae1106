//! The real Ansible, out of the virtual environment that `make setup` makes, on this host.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    AnsibleError, AnsibleRunner as _, Connection, Playbook, PlaybookRun, Progress, Recap,
    VenvRunner,
};
use crate::resolve::Masker;

const SECRET: &str = "ansible-hunter22";
const TIMEOUT: Duration = Duration::from_secs(120);

fn venv() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let venv = cache.unwrap_or_else(home).join("packyard/venv");
    assert!(
        venv.exists(),
        "{} is missing: run `make setup`",
        venv.display()
    );
    venv
}

fn run_of(folder: &Path, tasks: Value) -> PlaybookRun {
    let play = json!([{"name": "here", "hosts": "localhost", "connection": "local", "strategy": "linear",
        "gather_facts": false, "tasks": tasks}]);
    PlaybookRun {
        folder: folder.join("ansible"),
        ident: "here-1".to_owned(),
        playbook: Playbook::Plays(play),
        extra_vars: Map::from_iter([("password".to_owned(), json!(SECRET))]),
        connection: Connection {
            host: "127.0.0.1".to_owned(),
            port: 1,
            user: "nobody".to_owned(),
            arguments: Vec::new(),
        },
        roles_paths: Vec::new(),
        facts: folder.join("facts"),
        timeout: TIMEOUT,
        masker: Masker::new([SECRET.to_owned()]),
    }
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                found.push((entry.path().display().to_string(), text));
            }
            _ => {}
        }
    }
}

fn leaks(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    files(folder, &mut found);
    let leaking = found.into_iter().filter(|(_, text)| text.contains(SECRET));
    leaking.map(|(path, _)| path).collect()
}

#[tokio::test]
async fn what_a_task_prints_is_told_without_secrets_and_no_file_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let runner = VenvRunner::new(venv(), folder.path().join("collections"));
    let tasks = json!([
        {"name": "Say it", "ansible.builtin.command": "echo it is {{ password }}", "changed_when": false},
        {"name": "Refuse it", "ansible.builtin.fail": {"msg": "not {{ password }}"}},
    ]);
    let told = Mutex::new(Vec::new());
    let end = runner
        .run(&run_of(folder.path(), tasks), &|progress| {
            told.lock().unwrap().push(progress);
        })
        .await;
    let said = end.unwrap_err().to_string();
    assert!(
        said.contains("Refuse it") && said.contains("not ********"),
        "{said}"
    );
    let told = told.into_inner().unwrap();
    let output: String = told
        .iter()
        .filter_map(|one| match one {
            Progress::Output { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(output.contains("it is ********"), "{output}");
    assert!(!format!("{told:?}").contains(SECRET));
    assert_eq!(leaks(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_is_cancelled_leaves_no_variables_behind() {
    let folder = tempfile::tempdir().unwrap();
    let runner = VenvRunner::new(venv(), folder.path().join("collections"));
    let tasks =
        json!([{"name": "Wait", "ansible.builtin.command": "sleep 60", "changed_when": false}]);
    let run = run_of(folder.path(), tasks);
    let begun = tokio::sync::Notify::new();
    let tell = |progress| {
        if matches!(progress, Progress::Task { .. }) {
            begun.notify_one();
        }
    };
    let mut running = Box::pin(runner.run(&run, &tell));
    tokio::select! {
        end = &mut running => panic!("it ended: {end:?}"),
        () = begun.notified() => {}
    }
    assert!(!leaks(folder.path()).is_empty(), "Ansible needs them");
    drop(running);
    assert_eq!(leaks(folder.path()), Vec::<String>::new());
}

async fn end_of(
    folder: &Path,
    tasks: Value,
    timeout: Duration,
) -> (Result<Recap, AnsibleError>, String) {
    let runner = VenvRunner::new(venv(), folder.join("collections"));
    let run = PlaybookRun {
        timeout,
        ..run_of(folder, tasks)
    };
    let output = Mutex::new(String::new());
    let tell = |progress| {
        if let Progress::Output { text, .. } = progress {
            output.lock().unwrap().push_str(&text);
        }
    };
    let end = runner.run(&run, &tell).await;
    (end, output.into_inner().unwrap())
}

/// What a task has to say, and how long it may take, is bounded; each bound names the task.
#[tokio::test]
async fn a_task_that_says_too_much_fails_by_its_name() {
    let gigabyte =
        json!({"name": "Print it", "ansible.builtin.debug": {"msg": "{{ 'x' * 1000000000 }}"}});
    let six_megabytes = "head -c 6000000 /dev/zero | tr '\\0' x; exit 1";
    let command =
        json!({"name": "Print it", "ansible.builtin.shell": six_megabytes, "changed_when": false});
    for task in [gigabyte, command] {
        let folder = tempfile::tempdir().unwrap();
        let (end, output) = end_of(folder.path(), json!([task]), TIMEOUT).await;
        let said = end.unwrap_err().to_string();
        assert!(
            said.starts_with("task \"Print it\" failed on host") && said.contains("say less"),
            "{said}"
        );
        assert!(said.len() < 5000 && output.len() < 2 << 20, "{said}");
        let mut left = Vec::new();
        files(&folder.path().join("ansible"), &mut left);
        let large = left.iter().filter(|(_, text)| text.len() > 1 << 20);
        assert_eq!(large.count(), 0, "on this host's disk");
    }
}

#[tokio::test]
async fn binary_does_no_harm_and_a_refused_version_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let print = |name: &str, what: &str| json!({"name": name, "ansible.builtin.command": format!("printf '{what}'"), "changed_when": false, "ignore_errors": true});
    let tasks = json!([
        print("Write to the terminal", "\\001\\007\\033[2Jstill here\\n"),
        // Ansible itself refuses what is not UTF-8.
        print("Write binary", "\\377\\376\\200"),
        {"name": "Refuse this Ansible", "ansible.builtin.assert": {
            "that": ["ansible_version.full is version('99.0', '>=')"],
            "fail_msg": "this role needs Ansible 99, and this is {{ ansible_version.full }}"}},
    ]);
    let (end, output) = end_of(folder.path(), tasks, TIMEOUT).await;
    for word in ["still here", "invalid UTF8"] {
        assert!(output.contains(word), "{word} is not in {output:?}");
    }
    let bare = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!output.contains(bare), "{output:?}");
    let runner = VenvRunner::new(venv(), folder.path().join("collections"));
    let version = runner.version().unwrap();
    let said = end.unwrap_err().to_string();
    assert!(
        said.contains("Refuse this Ansible")
            && said.contains(&format!("needs Ansible 99, and this is {version}")),
        "{said}"
    );
}

#[tokio::test]
async fn a_task_that_never_ends_is_ended_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let task = format!("echo $$ > {}; exec sleep 86400", mark.display());
    let tasks =
        json!([{"name": "Wait for good", "ansible.builtin.shell": task, "changed_when": false}]);
    let (end, _) = end_of(folder.path(), tasks, Duration::from_secs(30)).await;
    let said = end.unwrap_err().to_string();
    assert!(
        said.contains("within 30 s") && said.contains("\"Wait for good\""),
        "{said}"
    );
    let pid = std::fs::read_to_string(mark).expect("the task began");
    let cmdline = format!("/proc/{}/cmdline", pid.trim());
    for _ in 0..100 {
        if !std::fs::read_to_string(&cmdline).is_ok_and(|line| line.contains("86400")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the task still runs");
}
