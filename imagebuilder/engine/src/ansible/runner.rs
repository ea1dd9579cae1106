//! The real runner: ansible-runner out of a virtual environment.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::ansible::events::Reader;
use crate::ansible::version::CoreVersion;
use crate::ansible::workspace::{self, Strategy};
use crate::ansible::{
    AnsibleError, AnsibleRunner, Collection, OnProgress, PlaybookRun, Progress, Recap,
};
use crate::process::{self, Tree};

/// Longer lines are no event that says anything: a role printed a file.
const LINE_BYTES: u64 = 4 << 20;
/// What one process of a run may hold in memory: all that a task says passes through Ansible's,
/// and a role may print a gigabyte. Ansible with Mitogen needs a tenth of it.
pub(crate) const MEMORY_BYTES: u64 = 2 << 30;
/// How large a file may become that a run writes on this host, such as one that a role fetches.
pub(crate) const FILE_BYTES: u64 = 1 << 30;

/// Ansible in a virtual environment.
#[derive(Debug)]
pub struct VenvRunner {
    venv: PathBuf,
    collections: PathBuf,
    version: CoreVersion,
    strategy: OnceCell<(Strategy, Option<String>)>,
}

impl VenvRunner {
    /// A runner that uses `venv` and keeps the unpacked collection below `collections`.
    #[must_use]
    pub fn new(venv: PathBuf, collections: PathBuf) -> Self {
        Self {
            venv,
            collections,
            version: CoreVersion::default(),
            strategy: OnceCell::new(),
        }
    }

    fn missing(&self, what: &str) -> AnsibleError {
        AnsibleError::Missing {
            message: format!(
                "{what} is not in {}; run `make setup`, or set builder.venv to a virtual environment with ansible-core and ansible-runner",
                self.venv.display()
            ),
        }
    }

    /// Mitogen where it loads with this Ansible. Asked once; says why not.
    async fn strategy(&self) -> &(Strategy, Option<String>) {
        self.strategy
            .get_or_init(|| async {
                let mut command = Command::new(self.venv.join("bin/python"));
                command.args([
                    "-c",
                    "import os, ansible_mitogen.loaders as l; l.assert_supported_release(); \
                     print(os.path.join(os.path.dirname(l.__file__), 'plugins', 'strategy'))",
                ]);
                match process::run(command, None, Duration::from_secs(60), 64 << 10).await {
                    Ok(output) if output.success() => {
                        (Strategy::Mitogen(PathBuf::from(output.text().trim())), None)
                    }
                    Ok(output) => (Strategy::Linear, Some(last_line(&output.complaint()))),
                    Err(error) => (Strategy::Linear, Some(error.to_string())),
                }
            })
            .await
    }

    /// The runner's command. `temporary` is the open folder for its sockets: Mitogen binds one there,
    /// a socket's path has room for 107 bytes, and the data folder may lie at any depth. So the
    /// folder is named through this process, which is short and needs nothing outside the build.
    fn command(&self, run: &PlaybookRun, playbook: &str, temporary: &File) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.venv.join("bin");
        let path =
            std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)));
        // The limits have to hold before the first line of Python runs.
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--data={MEMORY_BYTES}"))
            .arg(format!("--fsize={FILE_BYTES}"))
            .arg(bin.join("ansible-runner"))
            .arg("run")
            .arg(&run.folder)
            .args(["--json", "-p", playbook, "-i", &run.ident]);
        command
            .arg("--inventory")
            .arg(run.folder.join("inventory/hosts.json"));
        // Nothing of the user's own Ansible reaches a build.
        command
            .env_clear()
            .env("PATH", path.unwrap_or_default())
            .env("HOME", run.folder.join("home"))
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", through_this_process(temporary))
            .env("ANSIBLE_CONFIG", run.folder.join("project/ansible.cfg"))
            .env("ANSIBLE_HOST_KEY_CHECKING", "True")
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(&run.folder);
        command
    }
}

#[async_trait]
impl AnsibleRunner for VenvRunner {
    fn version(&self) -> Result<String, AnsibleError> {
        if !self.venv.join("bin/ansible-runner").exists() {
            return Err(self.missing("ansible-runner"));
        }
        self.version
            .of(&self.venv)
            .ok_or_else(|| self.missing("ansible-core"))
    }

    async fn run(
        &self,
        run: &PlaybookRun,
        progress: OnProgress<'_>,
    ) -> Result<Recap, AnsibleError> {
        self.version()?;
        let failed = |message: String| AnsibleError::Host {
            folder: run.folder.clone(),
            message,
        };
        let collections = Collection
            .unpack(&self.collections)
            .map_err(|error| failed(error.to_string()))?;
        let (strategy, why_not) = self.strategy().await;
        if let Some(why_not) = why_not {
            progress(Progress::Note(format!(
                "Mitogen does not load, so tasks run over plain SSH: {why_not}"
            )));
        }
        // Also where the run is cancelled: the folder holds variables of roles.
        let _cleaning = Cleaning(&run.folder);
        let playbook = workspace::write(run, &collections, strategy)
            .map_err(|error| failed(error.to_string()))?;
        let temporary =
            File::open(run.folder.join("tmp")).map_err(|error| failed(error.to_string()))?;
        let command = self.command(run, &playbook, &temporary);
        let end = follow(command, run, progress).await;
        drop(temporary);
        end
    }
}

/// Removes what only the run needed, however it ends.
struct Cleaning<'a>(&'a Path);

impl Drop for Cleaning<'_> {
    fn drop(&mut self) {
        workspace::clean_up(self.0);
    }
}

/// A path to an open folder for the processes that this one starts.
fn through_this_process(folder: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), folder.as_raw_fd()).into()
}

/// Starts the runner and reads its events until it ends or the time is up.
async fn follow(
    mut command: Command,
    run: &PlaybookRun,
    progress: OnProgress<'_>,
) -> Result<Recap, AnsibleError> {
    let failed = |error: std::io::Error| AnsibleError::Host {
        folder: run.folder.clone(),
        message: error.to_string(),
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut tree = Tree::spawn(command).map_err(failed)?;
    let stdout = tree.child.stdout.take();
    let stderr = tree.child.stderr.take();
    let mut reader = Reader::new(run.masker.clone());
    let events = async {
        if let Some(stdout) = stdout {
            read_events(BufReader::new(stdout), &mut reader, progress).await?;
        }
        tree.child.wait().await
    };
    let complaint = async {
        let mut kept = Vec::new();
        if let Some(mut stderr) = stderr {
            drop((&mut stderr).take(64 << 10).read_to_end(&mut kept).await);
            drop(tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await);
        }
        String::from_utf8_lossy(&kept).into_owned()
    };
    let both = async { tokio::join!(events, complaint) };
    match tokio::time::timeout(run.timeout, both).await {
        Ok((status, complaint)) => reader.finish(status.map_err(failed)?.code(), &complaint),
        Err(_) => Err(AnsibleError::Timeout {
            limit_secs: run.timeout.as_secs(),
            last: reader.last_task(),
        }),
    }
}

async fn read_events<R: tokio::io::AsyncRead + Unpin>(
    mut source: BufReader<R>,
    reader: &mut Reader,
    progress: OnProgress<'_>,
) -> std::io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut source)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LINE_BYTES {
            skip_line(&mut source).await?;
            progress(reader.overlong());
            continue;
        }
        for said in reader.line(String::from_utf8_lossy(&line).trim_end()) {
            progress(said);
        }
    }
}

/// Reads on to the next line, and keeps nothing.
async fn skip_line<R: tokio::io::AsyncBufRead + Unpin>(source: &mut R) -> std::io::Result<()> {
    loop {
        let chunk = source.fill_buf().await?;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        source.consume(used);
        if end.is_some() || used == 0 {
            return Ok(());
        }
    }
}

/// The version of a Python distribution, as its folder of metadata is named.
fn last_line(text: &str) -> String {
    text.lines()
        .next_back()
        .unwrap_or("no reason given")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_environment_names_the_remedy() {
        let runner = VenvRunner::new(
            "/nonexistent/venv".into(),
            "/nonexistent/collections".into(),
        );
        let said = runner.version().unwrap_err().to_string();
        assert!(
            said.contains("/nonexistent/venv") && said.contains("make setup"),
            "{said}"
        );
    }
}
