//! Runs the program, and servers of it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What one run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// It ended with `code` and told the person all of `words`.
    #[track_caller]
    pub(crate) fn ends(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{word:?} is not in {}",
                self.stderr
            );
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON")
    }
}

/// The program with an environment of its own: no server, no credentials.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packyard"));
    let inherited = std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR");
    command.env_clear().envs(inherited).stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the program runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn packyard(args: &[&str]) -> Ran {
    run(command().args(args))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A running server, a registry only.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Everything that it writes to standard output after its first line.
    rest: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_with(data, more, &[])
    }

    /// With more variables in its environment.
    pub(crate) fn start_with(data: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data", text(data)])
            .args(more)
            .env("PACKYARD_BUILDER", "false")
            .env("PACKYARD_LOG", "error")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut rest = BufReader::new(child.stdout.take().expect("its output")).lines();
        let first = rest.next().expect("a first line").expect("text");
        let url = first.strip_prefix("ready ").expect(&first).to_owned();
        Self { child, url, rest }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = command();
        command.env("PACKYARD_SERVER", &self.url);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.command().args(args))
    }

    pub(crate) fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        self.child.wait().expect("an end").code()
    }

    /// SIGTERM; the exit code and the lines after the first.
    pub(crate) fn stop(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.terminate();
        (code, self.rest.by_ref().map_while(Result::ok).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}
