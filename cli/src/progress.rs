//! Progress on standard error: bars on a terminal, lines in a pipe.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use registry_client::{NoProgress, Progress, Transfer};

use crate::output::size;

/// Transfers below this size are over before anybody reads about them.
const SMALL_BYTES: u64 = 1 << 20;
/// In a pipe, a line for each fifth of a transfer.
const LINE_STEPS: u64 = 5;
const TICK: Duration = Duration::from_millis(120);

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

    /// A line with a spinner, for waiting. It goes away when it is dropped.
    pub(crate) fn spinner(&self, text: &str) -> Spinner {
        let Some(bars) = &self.bars else {
            return Spinner {
                bar: None,
                quiet: self.quiet,
            };
        };
        let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        Spinner {
            bar: Some(bar),
            quiet: self.quiet,
        }
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
                told: AtomicU64::new(0),
                there: AtomicBool::new(false),
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
    told: AtomicU64,
    there: AtomicBool,
}

impl Transfer for Lines {
    fn position(&self, bytes: u64) {
        if self.total_bytes < SMALL_BYTES || self.there.load(Ordering::Relaxed) {
            return;
        }
        let step = bytes.saturating_mul(LINE_STEPS) / self.total_bytes.max(1);
        if self.told.fetch_max(step, Ordering::Relaxed) < step {
            eprintln!(
                "{}: {} of {}",
                self.label,
                size(bytes),
                size(self.total_bytes)
            );
        }
    }

    fn already_there(&self) {
        self.there.store(true, Ordering::Relaxed);
        if self.total_bytes >= SMALL_BYTES {
            eprintln!("{}: already there", self.label);
        }
    }
}

/// A line that says what is waited for.
pub(crate) struct Spinner {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Spinner {
    /// Changes the line.
    pub(crate) fn say(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.into());
        }
    }

    /// Leaves a line above.
    pub(crate) fn log(&self, text: impl AsRef<str>) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.quiet => {}
            None => eprintln!("{}", text.as_ref()),
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
