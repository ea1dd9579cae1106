//! `packyard serve`, started on a free port and ended with this program.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::interrupt::{Interrupt, alone, end, pause};

/// How long the server may take until it accepts requests.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
    /// Open as long as the server runs, so that it may print.
    _output: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(
        packyard: &Path,
        data: &Path,
        log: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let log_file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        // setpriv: should this program be killed, the kernel ends the server.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(packyard);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file);
        let mut child = alone(&mut command)
            .spawn()
            .context("start packyard serve")?;
        match ready(&mut child, interrupt) {
            Ok((url, output)) => Ok(Self {
                child,
                url,
                log: log.to_owned(),
                _output: output,
            }),
            Err(error) => {
                end(&mut child)?;
                Err(error.context(format!("start packyard serve; it said\n{}", tail(log))))
            }
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody wants it to end; fails if the server ends by itself.
    pub(super) fn serve_until(&mut self, interrupt: &Interrupt) -> Result<()> {
        while interrupt.check().is_ok() {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "packyard serve ended by itself with {status}; it said\n{}",
                    tail(&self.log)
                );
            }
            pause(Duration::from_millis(100));
        }
        Ok(())
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        let status = end(&mut self.child)?;
        if !status.success() {
            bail!(
                "packyard serve ended with {status}; it said\n{}",
                tail(&self.log)
            );
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(end(&mut self.child));
    }
}

fn ready(child: &mut Child, interrupt: &Interrupt) -> Result<(String, BufReader<ChildStdout>)> {
    let stdout = child.stdout.take().context("take the server's output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        let read = output.read_line(&mut line).map(|_| (line, output));
        // Nobody listens any more if the wait below was given up.
        drop(sender.send(read));
    });
    let started = Instant::now();
    let (line, output) = loop {
        interrupt.check()?;
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(read) => break read.context("read the server's ready line")?,
            Err(_) if started.elapsed() > READY_WITHIN => bail!("not ready after {READY_WITHIN:?}"),
            Err(_) => {}
        }
    };
    match line.trim().strip_prefix("ready ") {
        Some(url) => Ok((url.to_owned(), output)),
        None => bail!("no ready line but {line:?}"),
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
