//! A child process: what it costs, as the kernel counts it, and its end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::pause;

/// Clock ticks per second in /proc; Linux shows 100 to programs on every machine.
const TICKS_PER_SECOND: f64 = 100.0;
/// Pages in /proc are of this size on every machine that we run on.
const PAGE_BYTES: u64 = 4096;
/// How long a server may take to end when asked.
const GRACE: Duration = Duration::from_secs(40);

pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with its words in a file.
    pub(super) fn spawn(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("open {}", log.display()))?;
        let child = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    pub(super) fn cpu_secs(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .context("read the server's CPU time")?;
        parse_cpu_secs(&stat)
    }

    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()))
            .context("read the server's memory")?;
        parse_resident(&text)
    }

    /// The last of what it printed.
    pub(super) fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub(super) fn stop(mut self) -> Result<()> {
        self.end()
    }

    pub(super) fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill a server")?;
        self.child.wait().context("wait for a killed server")?;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Fails only where it has ended by itself in this moment.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > GRACE {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            pause(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// User and system time, the fields 14 and 15 of proc(5).
fn parse_cpu_secs(stat: &str) -> Result<f64> {
    // The program's name stands in parentheses and may hold anything.
    let rest = stat.rsplit_once(')').context("find the program's name")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    ensure!(fields.len() > 12, "too few fields: {stat:?}");
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// All resident pages, those of mapped files too: the second field of /proc/PID/statm.
fn parse_resident(statm: &str) -> Result<u64> {
    let field = statm.split_whitespace().nth(1);
    Ok(field.context("find the resident pages")?.parse::<u64>()? * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 5 0 100 0 0";
        assert_eq!(parse_cpu_secs(stat).unwrap(), 1.75);
        assert_eq!(parse_resident("900 100 40 9 0 50 0").unwrap(), 100 * 4096);
        assert!(parse_cpu_secs("7 (a) S 1").is_err());
        assert!(parse_resident("900").is_err());
    }
}
