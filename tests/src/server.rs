//! A real `packyard serve` on a free port of the loopback address, ended when it is dropped.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::binary::{self, Ran};
use crate::processes::wait_for;

/// How long a server may take from start to its `ready` line.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its data folder.
    pub data: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts a server on `data` and waits until it says that it is ready.
    pub fn start(data: &Path, more: &[&str]) -> Result<Self> {
        let log = data.with_extension("log");
        let errors = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)?;
        let mut child = binary::command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .context("start packyard serve")?;
        let stdout = child.stdout.take().context("the server's output")?;
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut first = String::new();
            let read = lines.read_line(&mut first).map(|_| first);
            // The test may be over by now: then nobody listens, and that is well.
            drop(sender.send(read));
            let mut rest = String::new();
            drop(lines.read_to_string(&mut rest));
        });
        let line = receiver
            .recv_timeout(READY_WITHIN)
            .context("wait for the ready line")??;
        let Some(url) = line.trim().strip_prefix("ready ") else {
            drop(child.wait());
            bail!(
                "no ready line but {line:?}\n{}",
                std::fs::read_to_string(&log)?
            );
        };
        Ok(Self {
            url: url.to_owned(),
            data: data.to_owned(),
            child,
            log,
        })
    }

    /// `HOST:PORT`, as OCI clients want it.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Runs `packyard ARGS` against this server.
    pub fn run(&self, args: &[&str]) -> Result<Ran> {
        Ok(binary::command()
            .args(args)
            .env("PACKYARD_SERVER", &self.url)
            .output()
            .context("run packyard")?
            .into())
    }

    /// Runs `packyard ARGS --json` and parses the answer.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        self.run(&[args, &["--json"]].concat())?
            .json()
            .with_context(|| format!("packyard {}", args.join(" ")))
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has logged until now.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, then waits for the end; answers with the exit code.
    pub fn stop(mut self) -> Result<Option<i32>> {
        self.terminate()
    }

    fn terminate(&mut self) -> Result<Option<i32>> {
        if let Some(ended) = self.child.try_wait()? {
            return Ok(ended.code());
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let ended = wait_for("the server to end", Duration::from_secs(60), || {
            Ok(self.child.try_wait()?)
        })?;
        Ok(ended.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.terminate().is_err() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
