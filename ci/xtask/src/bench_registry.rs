//! `cargo xtask bench-registry` and `cargo xtask soak`: build for release, then let the load
//! generator of `tests/load` do the work.
//!
//! What it writes is in `target/bench/registry` and `target/soak`; figures never fail a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::release::{self, finish, target};

/// How long a soak takes when nobody says: enough for some kills.
const SOAK_SECONDS: u64 = 60;

/// Compares the registry with distribution's. More arguments go to the load generator.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    let built = release::programs()?;
    let distribution = tool("registry")?;
    let mut command = Command::new(built.join("load"));
    command
        .args(["bench", "--packyard"])
        .arg(built.join("packyard"))
        .arg("--distribution")
        .arg(distribution)
        .arg("--out")
        .arg(target().join("bench/registry"))
        .args(arguments);
    finish(&mut command)
}

/// Pushes, pulls and kills for a time, such as `90s`, `10m` or `3h`. More arguments go to the
/// load generator, such as `--servers 3`.
pub(crate) fn soak(arguments: &[String]) -> Result<()> {
    let (time, more) = match arguments {
        [time, more @ ..] if !time.starts_with('-') => (Some(time), more),
        more => (None, more),
    };
    let seconds = time.map_or(Ok(SOAK_SECONDS), |time| seconds(time))?;
    let built = release::programs()?;
    let mut command = Command::new(built.join("load"));
    command
        .args(["soak", "--packyard"])
        .arg(built.join("packyard"))
        .arg("--out")
        .arg(target().join("soak"))
        .args(["--seconds", &seconds.to_string()])
        .args(more);
    finish(&mut command)
}

/// A program that `ci/setup tools` built.
fn tool(name: &str) -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("find the cache: HOME is not set")?;
    let program = cache.join("packyard/tools/bin").join(name);
    ensure!(
        program.exists(),
        "{} is missing: run `ci/setup tools`",
        program.display()
    );
    Ok(program)
}

fn seconds(time: &str) -> Result<u64> {
    let (number, unit) = match time.char_indices().last() {
        Some((at, 's')) => (&time[..at], 1),
        Some((at, 'm')) => (&time[..at], 60),
        Some((at, 'h')) => (&time[..at], 3600),
        _ => (time, 1),
    };
    let number: u64 = number
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .with_context(|| format!("{time:?} is no time; say 90s, 10m or 3h"))?;
    number
        .checked_mul(unit)
        .with_context(|| format!("{time:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, expected) in [("90", 90), ("90s", 90), ("10m", 600), ("3h", 10_800)] {
            assert_eq!(seconds(text).unwrap(), expected);
        }
        for bad in ["", "m", "0s", "-1h", "1d", "ten"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
