//! `cargo xtask bench-build`: the main job, measured; prints the table for docs/benchmarks.md.
//!
//! The figures are of this machine; what is kept is compared with an earlier run of the same one.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::run::{self, Figures, Interrupt, Places};
use crate::tree;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("takes no arguments");
    }
    let places = Places::of_this_tree()?;
    let interrupt = Interrupt::install()?;
    let (server, figures) = run::main_job(&places, &interrupt)?;
    server.stop()?;
    let by_hand_secs = by_hand(&places)?;
    println!("{}", table(&figures, by_hand_secs));
    Ok(())
}

/// What a script takes that does the same with plain Ansible, and neither verifies nor remembers.
fn by_hand(places: &Places) -> Result<f64> {
    eprintln!("==> the same by hand: ansible/tests/by_hand");
    let started = Instant::now();
    let status = Command::new(tree::root().join("ansible/tests/by_hand"))
        .env("components_list", places.components_list()?)
        .stdout(std::io::stderr())
        .status()
        .context("run ansible/tests/by_hand")?;
    ensure!(
        status.success(),
        "ansible/tests/by_hand ended with {status}"
    );
    Ok(started.elapsed().as_secs_f64())
}

fn table(figures: &Figures, by_hand_secs: f64) -> String {
    let share = figures.incremental_secs / figures.cold_secs;
    let rows = [
        (
            "cold build, base image to verified",
            format!("{:.0} s", figures.cold_secs),
            "720 s",
        ),
        (
            "the same against a script by hand, which verifies nothing",
            format!("{:.2}", figures.cold_secs / by_hand_secs),
            "1.0",
        ),
        (
            "of it, Packyard's own CPU",
            format!("{:.1} s", figures.own_cpu_secs),
            "20 s",
        ),
        (
            "second request, on the server",
            format!("{:.1} ms", figures.answer_ms),
            "50 ms",
        ),
        (
            "second request, `packyard image build`",
            format!("{:.0} ms", figures.reuse_ms),
            "1000 ms",
        ),
        (
            "last role changed, share of the cold build",
            format!("{share:.2}"),
            "0.25",
        ),
        (
            "`packyard serve`, idle",
            format!("{:.0} MB", figures.idle_mb),
            "60 MB",
        ),
    ];
    let mut text = "| figure | measured | at most |\n|---|---|---|\n".to_owned();
    for (name, measured, bound) in rows {
        text.push_str(&format!("| {name} | {measured} | {bound} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_a_ratio() {
        let figures = Figures {
            idle_mb: 30.0,
            own_cpu_secs: 5.0,
            answer_ms: 2.0,
            cold_secs: 400.0,
            reuse_ms: 20.0,
            incremental_secs: 100.0,
        };
        let table = table(&figures, 500.0);
        assert!(table.contains("| 0.25 | 0.25 |"));
        assert!(table.contains("| 0.80 | 1.0 |"));
    }
}
