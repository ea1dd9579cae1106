//! Writes what ansible-runner reads: inventory, playbook, configuration, variables.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::ansible::{HOST, Playbook, PlaybookRun};

/// How tasks are carried out.
#[derive(Debug, Clone)]
pub(crate) enum Strategy {
    /// Mitogen's, from this folder of plugins: it keeps Python running in the guest.
    Mitogen(PathBuf),
    /// Ansible's own.
    Linear,
}

/// Writes the private data folder of a run; answers with the playbook's name as the runner wants it.
pub(crate) fn write(
    run: &PlaybookRun,
    collections: &Path,
    strategy: &Strategy,
) -> io::Result<String> {
    for folder in ["project", "inventory", "env", "home", "tmp"] {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(run.folder.join(folder))?;
    }
    fs::create_dir_all(&run.facts)?;
    write_private(&run.folder.join("inventory/hosts.json"), &inventory(run))?;
    write_private(
        &run.folder.join("env/extravars"),
        &Value::Object(run.extra_vars.clone()),
    )?;
    // Its own output file would hold every secret that a task prints: see `task_log`.
    write_private(
        &run.folder.join("env/settings"),
        &json!({"suppress_output_file": true}),
    )?;
    fs::write(
        run.folder.join("project/ansible.cfg"),
        configuration(run, collections, strategy),
    )?;
    let name = format!("{}.yml", run.ident);
    let plays = match &run.playbook {
        Playbook::Plays(plays) => plays.clone(),
        Playbook::Collection(playbook) => {
            json!([{"import_playbook": format!("packyard.image.{playbook}")}])
        }
    };
    write_private(&playbook_file(run), &plays)?;
    Ok(name)
}

/// Removes what may hold secrets, and what only the runner needed, of every run in this folder.
pub(crate) fn clean_up(folder: &Path) {
    for inner in ["env", "home", "tmp"] {
        drop(fs::remove_dir_all(folder.join(inner)));
    }
    let entries = |inner: &str| {
        fs::read_dir(folder.join(inner))
            .into_iter()
            .flatten()
            .flatten()
    };
    // They repeat the variables of roles; the inputs of the build are kept elsewhere, without secrets.
    for playbook in
        entries("project").filter(|one| one.path().extension().is_some_and(|end| end == "yml"))
    {
        drop(fs::remove_file(playbook.path()));
    }
    for run in entries("artifacts") {
        for inner in ["job_events", "fact_cache"] {
            drop(fs::remove_dir_all(run.path().join(inner)));
        }
        // The command file repeats the whole environment.
        for file in ["command", "stdout", "stderr"] {
            drop(fs::remove_file(run.path().join(file)));
        }
    }
}

fn playbook_file(run: &PlaybookRun) -> PathBuf {
    run.folder
        .join("project")
        .join(format!("{}.yml", run.ident))
}

fn write_private(path: &Path, value: &Value) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(format!("{value:#}\n").as_bytes())
}

/// A JSON inventory: the YAML plugin reads it, because JSON is YAML.
fn inventory(run: &PlaybookRun) -> Value {
    let connection = &run.connection;
    json!({"all": {"hosts": {HOST: {
        "ansible_host": connection.host,
        "ansible_port": connection.port,
        "ansible_user": connection.user,
        "ansible_become": true,
        "ansible_become_method": "sudo",
        "ansible_python_interpreter": "/usr/bin/python3",
    }}}})
}

fn configuration(run: &PlaybookRun, collections: &Path, strategy: &Strategy) -> String {
    let paths: Vec<String> = run
        .roles_paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut lines = vec![
        "[defaults]".to_owned(),
        "host_key_checking = True".to_owned(),
        "retry_files_enabled = False".to_owned(),
        "nocows = True".to_owned(),
        "forks = 1".to_owned(),
        // An emulated machine needs half a minute for what takes a second elsewhere.
        "timeout = 60".to_owned(),
        "gathering = smart".to_owned(),
        "fact_caching = jsonfile".to_owned(),
        format!("fact_caching_connection = {}", run.facts.display()),
        format!("local_tmp = {}", run.folder.join("tmp").display()),
        format!("collections_path = {}", collections.display()),
        format!("roles_path = {}", paths.join(":")),
    ];
    if let Strategy::Mitogen(plugins) = strategy {
        lines.push(format!("strategy_plugins = {}", plugins.display()));
        lines.push("strategy = mitogen_linear".to_owned());
    }
    lines.push("[connection]\npipelining = True".to_owned());
    lines.push("[ssh_connection]\npipelining = True".to_owned());
    lines.push(format!("ssh_args = {}", run.connection.arguments.join(" ")));
    lines.join("\n") + "\n"
}
