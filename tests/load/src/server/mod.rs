//! The servers under test, all started and ended the same way: a process, a free port of the
//! loopback address, a folder of its own.

mod backing;
mod config;
mod process;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::wire::{Body, Certificate, ClientTls, Connection};
pub(crate) use backing::Backing;
use process::Process;

/// How long a server may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `packyard serve`.
    Ours,
    /// The registry that the others are measured by.
    Distribution,
    /// This program's own server without a registry: what the machine can do at most.
    Bare,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "packyard",
            Self::Distribution => "distribution",
            Self::Bare => "bare server",
        }
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) packyard: PathBuf,
    pub(crate) distribution: PathBuf,
    /// Packyard's configuration, where it is not the default.
    pub(crate) config: Option<PathBuf>,
}

/// A running server; ended when dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<ClientTls>,
    process: Process,
}

impl Server {
    /// Starts a server on its folder and waits until it answers.
    pub(crate) fn start(
        kind: Kind,
        programs: &Programs,
        folder: &Path,
        certificate: Option<&Certificate>,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let address = free_port()?;
        let mut command = match kind {
            Kind::Ours => config::packyard(programs, folder, address, certificate),
            Kind::Distribution => {
                config::distribution(&programs.distribution, folder, address, certificate)?
            }
            Kind::Bare => config::bare(folder, address)?,
        };
        let log = folder.with_extension("log");
        let server = Self {
            kind,
            address,
            tls: certificate.map(|certificate| certificate.client.clone()),
            process: Process::spawn(command.stdin(Stdio::null()), &log)?,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// A new connection to it.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, self.tls.as_ref())
    }

    /// CPU seconds that it has used until now, all its threads together.
    pub(crate) fn cpu_secs(&self) -> Result<f64> {
        self.process.cpu_secs()
    }

    /// What it has of the machine's memory now, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// Ends it as a person would, and waits.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// `kill -9`.
    pub(crate) fn kill(self) -> Result<()> {
        self.process.kill()
    }

    fn wait_until_ready(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            let answer = self
                .connect()
                .and_then(|mut to| to.call("GET", "/v2/", Body::default()));
            match answer {
                Ok(answer) if answer.head.status == 200 => return Ok(()),
                _ if started.elapsed() > READY_WITHIN => bail!(
                    "{} is not ready; it said\n{}",
                    self.kind.name(),
                    self.process.said()
                ),
                _ => pause(Duration::from_millis(20)),
            }
        }
    }
}

/// A port that nobody has at this moment. One of the servers cannot choose by itself.
fn free_port() -> Result<SocketAddr> {
    let socket = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(socket.local_addr()?)
}

/// The command line of this program itself.
fn own(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("find this program")?);
    command.args(arguments);
    Ok(command)
}

/// Waits on a thread of its own; nothing here runs on an executor.
#[expect(clippy::disallowed_methods, reason = "no executor to block")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
