//! The same image by a script that uses plain Ansible, and neither verifies nor remembers.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::release::finish;
use crate::run::Places;
use crate::tree;

/// How many seconds it takes.
pub(super) fn measure(places: &Places) -> Result<f64> {
    eprintln!("==> the same by hand: ansible/tests/by_hand");
    let started = Instant::now();
    let mut command = Command::new(tree::root().join("ansible/tests/by_hand"));
    finish(
        command
            .env("components_list", places.components_list()?)
            .stdout(std::io::stderr()),
    )?;
    Ok(started.elapsed().as_secs_f64())
}
