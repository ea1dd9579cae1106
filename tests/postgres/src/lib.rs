//! A real PostgreSQL for tests: a cluster of its own, gone with the test's process.
//!
//! It listens on a socket in its folder and on no port. PostgreSQL refuses to run as
//! root, so root becomes the user `postgres` that the distribution's package makes. It
//! knows nothing of what the databases are for.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};

/// A running server.
pub struct Postgres {
    /// Ends the server when its standard input ends, however this process does.
    supervisor: Child,
    folder: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that all tests of this process share.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> =
            LazyLock::new(|| Postgres::start().expect("PostgreSQL starts; ci/setup installs it"));
        &SHARED
    }

    /// A server for one test.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or says why it does not start.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let mut supervisor = supervisor(&programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("start PostgreSQL")?;
        let mut output = BufReader::new(supervisor.stdout.take().context("its output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let Some(folder) = line.trim().strip_prefix("ready ") else {
            output.read_to_string(&mut line)?;
            bail!("PostgreSQL does not start: {line}");
        };
        Ok(Self {
            folder: folder.into(),
            supervisor,
            programs,
            databases: AtomicU32::new(0),
        })
    }

    /// A new, empty database; its address.
    ///
    /// # Panics
    /// When the server does not make it.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.run("postgres", &format!("CREATE DATABASE {name}"))
            .expect("a database");
        let folder = self.folder.to_string_lossy().replace('/', "%2F");
        format!("postgres://packyard@{folder}/{name}")
    }

    /// Runs SQL in a database by its name, as an administrator would.
    ///
    /// # Errors
    /// What psql says.
    pub fn run(&self, database: &str, sql: &str) -> Result<String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--username=packyard", "--set=ON_ERROR_STOP=1", "--host"])
            .arg(&self.folder)
            .args(["--dbname", database, "--command", sql])
            .output()
            .context("run psql")?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.wait());
    }
}

/// Runs the script beside this file, as a user that PostgreSQL accepts.
fn supervisor(programs: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", include_str!("supervise.sh"), "supervise"]);
    command.arg(programs).current_dir("/");
    command
}

/// The folder of the newest PostgreSQL that is installed; distributions keep it off the path.
fn programs() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").exists())
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, path)| path);
    newest.context("PostgreSQL is not installed: run ci/setup, or install `postgresql`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_and_leaves_nothing_behind() {
        let server = Postgres::start().expect("a server");
        let url = server.database();
        let name = url.rsplit('/').next().expect("a name");
        assert_eq!(server.run(name, "SELECT 1 + 1").expect("an answer"), "2");
        assert!(server.run(name, "SELECT nonsense").is_err());
        let folder = server.folder.clone();
        assert!(folder.join("log").exists());
        drop(server);
        assert!(!folder.exists());
    }
}
