//! The real Ansible, out of the virtual environment that `make setup` makes, on this host.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{AnsibleRunner as _, Connection, Playbook, PlaybookRun, Progress, VenvRunner};
use crate::resolve::Masker;

const SECRET: &str = "ansible-hunter22";

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
        timeout: Duration::from_secs(120),
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
