//! Progress on standard error: bars on a terminal, lines in a pipe.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use registry_client::{NoProgress, Progress, Transfer};

use crate::output::size;

/// Transfers below this size are over before anybody reads about them.
const SMALL_BYTES: u64 = 1 << 20;
/// In a pipe, a line this often at most, and one at the end.
const LINE_EVERY_SECS: u64 = 5;

/// Shows transfers.
#[derive(Clone)]
pub(crate) struct Bars {
    bars: Option<MultiProgress>,
    quiet: bool,
}

impl Bars {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            bars: terminal.then(MultiProgress::new),
            quiet,
        }
    }

    /// The terminal to draw on, if there is one.
    pub(crate) fn terminal(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// Whether nothing is to be shown.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl Progress for Bars {
    fn transfer(&self, label: &str, total_bytes: u64) -> Arc<dyn Transfer> {
        if self.quiet {
            return Arc::new(NoProgress);
        }
        let Some(bars) = &self.bars else {
            return Arc::new(Lines {
                label: label.to_owned(),
                total_bytes,
                started: Instant::now(),
                due: AtomicU64::new(LINE_EVERY_SECS),
                ended: AtomicBool::new(false),
            });
        };
        let style = ProgressStyle::with_template(
            "{msg:28!} {bar:24} {binary_bytes:>11} of {binary_total_bytes:11} {binary_bytes_per_sec:>13} {eta:>4}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bars.add(ProgressBar::new(total_bytes).with_style(style));
        bar.set_message(label.to_owned());
        Arc::new(Bar(bar))
    }
}

struct Bar(ProgressBar);

impl Transfer for Bar {
    fn position(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    fn already_there(&self) {
        self.0.set_message(format!("{} (there)", self.0.message()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

struct Lines {
    label: String,
    total_bytes: u64,
    started: Instant,
    /// Seconds after the start at which the next line is due.
    due: AtomicU64,
    ended: AtomicBool,
}

impl Lines {
    fn end(&self, text: &str) {
        if self.total_bytes >= SMALL_BYTES && !self.ended.swap(true, Ordering::Relaxed) {
            eprintln!("{}: {text}", self.label);
        }
    }
}

impl Transfer for Lines {
    fn position(&self, bytes: u64) {
        if bytes >= self.total_bytes {
            return self.end(&size(self.total_bytes));
        }
        let now = self.started.elapsed().as_secs();
        let due = self.due.load(Ordering::Relaxed);
        if now >= due && self.due.swap(now + LINE_EVERY_SECS, Ordering::Relaxed) == due {
            eprintln!(
                "{}: {} of {}",
                self.label,
                size(bytes),
                size(self.total_bytes)
            );
        }
    }

    fn already_there(&self) {
        self.end("already there");
    }
}
