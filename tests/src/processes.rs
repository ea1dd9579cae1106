//! Looks for processes that a test left behind, and waits for things with a bound.
//!
//! It ends nothing that a test did not start.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The command lines of running processes that name `folder`, except this one's.
pub fn naming(folder: &Path) -> Vec<String> {
    let needle = folder.to_string_lossy().into_owned();
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .bytes()
                .all(|byte| byte.is_ascii_digit())
        })
        .filter(|entry| entry.file_name().to_string_lossy() != own)
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&needle))
        .collect()
}

/// The QEMU processes among [`naming`].
pub fn machines(folder: &Path) -> Vec<String> {
    naming(folder)
        .into_iter()
        .filter(|line| line.starts_with("qemu-system") || line.contains("/qemu-system"))
        .collect()
}

/// Asks `ready` four times a second until it answers with something.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        if started.elapsed() > limit {
            bail!("waited {limit:?} for {what}");
        }
        pause(Duration::from_millis(250));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test thread of its own, with no executor to block"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
