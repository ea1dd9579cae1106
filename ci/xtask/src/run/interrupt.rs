//! Ctrl-C and SIGTERM, as a flag that every wait looks at.
//!
//! Programs that are started here live in process groups of their own, so that a Ctrl-C
//! in the terminal reaches only this program, which then ends them in order.

use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How long a program may take to end when asked; a server destroys its machines in that time.
const GRACE: Duration = Duration::from_secs(60);

/// Somebody wants this to end.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Knows whether Ctrl-C was pressed.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(crate) fn install() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("listen for signals")?;
        }
        Ok(Self(flag))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Interrupted.into());
        }
        Ok(())
    }

    /// Waits for the end of a program; ends it when interrupted.
    pub(super) fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if let Err(interrupted) = self.check() {
                end(child)?;
                return Err(interrupted);
            }
            // Short programs are timed, so the first second is looked at closely.
            pause(Duration::from_millis(if started.elapsed().as_secs() < 1 {
                1
            } else {
                100
            }));
        }
    }
}

/// Puts a program into a process group of its own.
pub(super) fn alone(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0)
}

/// Asks a program to end, and after a while makes it; what it left in its group goes too.
pub(super) fn end(child: &mut Child) -> Result<ExitStatus> {
    let pid = Pid::from_child(child);
    // Fails only where it has ended by itself in this moment.
    let _ = kill_process(pid, Signal::TERM);
    let started = Instant::now();
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if started.elapsed() > GRACE => break None,
            None => pause(Duration::from_millis(20)),
        }
    };
    let _ = kill_process_group(pid, Signal::KILL);
    match ended {
        Some(status) => Ok(status),
        None => child.wait().context("wait for the end of a program"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program with one thread and no executor to block"
)]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_ends_what_was_started() {
        let interrupt = Interrupt(Arc::new(AtomicBool::new(true)));
        let mut child = alone(Command::new("sh").args(["-c", "sleep 100 & wait"]))
            .spawn()
            .unwrap();
        let error = interrupt.wait(&mut child).unwrap_err();
        assert!(error.is::<Interrupted>());
        assert!(child.try_wait().unwrap().is_some());
    }
}
