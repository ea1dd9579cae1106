//! Runs programs of this host: with a deadline, bounded output, and an end that takes all descendants along.
//!
//! It does not know which programs; see `ssh` and `ansible` for those.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// What a program gave.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last lines of standard error, or of standard output where that is empty.
    pub(crate) fn complaint(&self) -> String {
        let text = if self.stderr.trim().is_empty() {
            self.text()
        } else {
            self.stderr.clone()
        };
        tail(&text, 2000)
    }
}

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program} did not end within {} s", limit.as_secs())]
    Timeout { program: String, limit: Duration },
    #[error("{program} said more than {limit_bytes} bytes")]
    TooMuch { program: String, limit_bytes: usize },
    #[error("lost {program}: {source}")]
    Io { program: String, source: io::Error },
}

/// Runs `command` to its end. Dropping the future ends the program and its descendants.
pub(crate) async fn run(
    mut command: Command,
    stdin: Option<&[u8]>,
    timeout: Duration,
    limit_bytes: usize,
) -> Result<Output, RunError> {
    let program = name_of(&command);
    command.stdin(if stdin.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tree = Tree::spawn(command).map_err(|source| RunError::Start {
        program: program.clone(),
        source,
    })?;
    let io_error = |source| RunError::Io {
        program: program.clone(),
        source,
    };
    let work = async {
        let mut input = tree.child.stdin.take();
        let stdout = tree.child.stdout.take();
        let stderr = tree.child.stderr.take();
        let feed = async {
            if let (Some(pipe), Some(bytes)) = (&mut input, stdin) {
                // A program that ends before it has read all says why on standard error.
                drop(pipe.write_all(bytes).await);
            }
            drop(input);
        };
        let ((), stdout, stderr) = tokio::join!(
            feed,
            read_bounded(stdout, limit_bytes),
            read_bounded(stderr, 64 << 10)
        );
        let (stdout, cut) = stdout.map_err(io_error)?;
        let (stderr, _) = stderr.map_err(io_error)?;
        let status: ExitStatus = tree.child.wait().await.map_err(io_error)?;
        if cut {
            return Err(RunError::TooMuch {
                program: program.clone(),
                limit_bytes,
            });
        }
        Ok(Output {
            code: status.code(),
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    };
    match tokio::time::timeout(timeout, work).await {
        Ok(done) => done,
        Err(_) => Err(RunError::Timeout {
            program,
            limit: timeout,
        }),
    }
}

fn name_of(command: &Command) -> String {
    command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned()
}

/// Reads to the end, but keeps at most `limit` bytes; says whether there was more.
async fn read_bounded<R: AsyncRead + Unpin>(
    source: Option<R>,
    limit: usize,
) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut source) = source else {
        return Ok((Vec::new(), false));
    };
    let mut kept = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    let mut cut = false;
    loop {
        let read = source.read(&mut chunk).await?;
        if read == 0 {
            return Ok((kept, cut));
        }
        let room = limit - kept.len();
        kept.extend_from_slice(&chunk[..read.min(room)]);
        cut |= read > room;
    }
}

/// A running program; when it is dropped before its end, it and all its descendants are killed.
///
/// Ansible's runner puts its child into a session of its own, so that a signal
/// to the process group does not reach it: the tree is walked instead.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) child: Child,
}

impl Tree {
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        command.kill_on_drop(true).process_group(0);
        Ok(Self {
            child: command.spawn()?,
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            kill_tree(pid);
        }
    }
}

/// Kills `root` and everything below it or in a session begun below it.
fn kill_tree(root: u32) {
    let parents = parents();
    let mut doomed = BTreeSet::from([root]);
    loop {
        let before = doomed.len();
        doomed.extend(
            parents
                .iter()
                .filter(|(_, above)| doomed.contains(above))
                .map(|(pid, _)| *pid)
                .collect::<Vec<_>>(),
        );
        if doomed.len() == before {
            break;
        }
    }
    doomed.into_iter().for_each(kill);
}

/// Kills the Ansible and SSH processes whose command line names `folder`: what a server that was killed left there.
///
/// Somebody's pager on a log of that folder is none of them. Answers with how many there were.
pub(crate) fn kill_naming(folder: &Path) -> usize {
    let needle = folder.to_string_lossy();
    let own = std::process::id();
    let naming: Vec<u32> = pids()
        .filter(|pid| *pid != own)
        .filter(|pid| {
            let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
                return false;
            };
            let line = String::from_utf8_lossy(&line);
            let ours = line.split('\0').take(2).any(|word| {
                let name = word.rsplit('/').next().unwrap_or_default();
                name.starts_with("ansible") || name == "ssh" || name.starts_with("ssh:")
            });
            ours && line.contains(&*needle)
        })
        .collect();
    naming.iter().copied().for_each(kill_tree);
    naming.len()
}

fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Gone already is as good.
        kill_process(pid, Signal::KILL).unwrap_or_default();
    }
}

fn pids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
        })
}

/// Every process with its parent. The second field of `stat` may hold spaces and brackets: read after the last one.
fn parents() -> BTreeMap<u32, u32> {
    pids()
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat
                .rsplit_once(')')?
                .1
                .split_whitespace()
                .nth(1)?
                .parse()
                .ok()?;
            Some((pid, parent))
        })
        .collect()
}

/// The end of `text`, at most `limit` bytes, beginning at a line.
pub(crate) fn tail(text: &str, limit: usize) -> String {
    let text = text.trim_end();
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut start = text.len() - limit;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let rest = &text[start..];
    rest.find('\n')
        .map_or(rest, |line| &rest[line + 1..])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_input_and_code_come_back() {
        let output = run(
            shell("cat; echo why >&2; exit 3"),
            Some(b"hello"),
            Duration::from_secs(5),
            100,
        )
        .await
        .unwrap();
        assert_eq!(
            (
                output.code,
                output.text().as_str(),
                output.complaint().as_str()
            ),
            (Some(3), "hello", "why")
        );
    }

    #[tokio::test]
    async fn a_flood_is_cut_and_named() {
        let flood = run(
            shell("head -c 1000000 /dev/zero"),
            None,
            Duration::from_secs(5),
            1000,
        )
        .await;
        assert!(
            matches!(
                flood,
                Err(RunError::TooMuch {
                    limit_bytes: 1000,
                    ..
                })
            ),
            "{flood:?}"
        );
    }

    #[tokio::test]
    async fn a_timeout_takes_descendants_in_other_sessions_along() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let script = format!(
            "setsid sh -c 'echo $$ > {}; exec sleep 60' & wait",
            mark.display()
        );
        let late = run(shell(&script), None, Duration::from_millis(500), 1000).await;
        assert!(matches!(late, Err(RunError::Timeout { .. })), "{late:?}");
        let pid = std::fs::read_to_string(mark).unwrap();
        let alive = || {
            let stat =
                std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        // The signal is sent; the kernel may take a moment.
        for _ in 0..100 {
            if !alive() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the descendant still runs");
    }

    #[test]
    fn a_tail_begins_at_a_line() {
        assert_eq!(tail("one\ntwo\nthree\n", 8), "three");
        assert_eq!(tail("short", 10), "short");
    }
}
