//! Runs a helper program to its end: bounded in time and output, ended when nobody waits any more.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use imagebuilder_provider::ProviderError;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::diagnose;

/// How much of a program's output is kept.
const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// Runs `program`; `what` names the act in the error. Gives standard output.
pub(crate) async fn run(
    program: &Path,
    arguments: &[&std::ffi::OsStr],
    what: &str,
    limit: Duration,
) -> Result<Vec<u8>, ProviderError> {
    run_with(program, arguments, what, limit, |_| ()).await
}

/// The same, and hands every piece of standard output to `on_output` as it comes.
pub(crate) async fn run_with(
    program: &Path,
    arguments: &[&std::ffi::OsStr],
    what: &str,
    limit: Duration,
    on_output: impl FnMut(&[u8]),
) -> Result<Vec<u8>, ProviderError> {
    run_any(program, arguments, what, limit, on_output)
        .await?
        .successful(program, what)
}

/// How a program ended.
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    /// Standard output, if the program says that it went well.
    pub(crate) fn successful(self, program: &Path, what: &str) -> Result<Vec<u8>, ProviderError> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let said = String::from_utf8_lossy(&self.stderr);
        let what = format!("{what}: {} ended with {}", program.display(), self.status);
        Err(diagnose::complaint(what, &said))
    }
}

/// Runs `program` to its end, whatever that is.
pub(crate) async fn run_any(
    program: &Path,
    arguments: &[&std::ffi::OsStr],
    what: &str,
    limit: Duration,
    mut on_output: impl FnMut(&[u8]),
) -> Result<Output, ProviderError> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| diagnose::start(program, error))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let work = async {
        let (stdout, stderr) =
            tokio::join!(collect(stdout, &mut on_output), collect(stderr, |_| ()));
        (child.wait().await, stdout, stderr)
    };
    let Ok((status, stdout, stderr)) = tokio::time::timeout(limit, work).await else {
        return Err(ProviderError::retry(
            format!(
                "{what}: {} did not end within {} s",
                program.display(),
                limit.as_secs()
            ),
            "look whether the host is overloaded or its disk hangs",
        ));
    };
    let status = status.map_err(|error| diagnose::io("wait for", program, error))?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

async fn collect<R: AsyncRead + Unpin>(
    pipe: Option<R>,
    mut on_output: impl FnMut(&[u8]),
) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return kept };
    let mut buffer = vec![0; 16 << 10];
    // A pipe that breaks has ended; the exit status says the rest.
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let piece = &buffer[..read];
        on_output(piece);
        let room = MAX_OUTPUT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
    kept
}
