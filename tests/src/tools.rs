//! Other people's OCI clients, as the set-up script installed them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::binary::Ran;
use crate::cache;

/// A client by its program's name: from the cache of tools, else from the search path.
pub fn client(name: &str) -> Command {
    let cached: PathBuf = cache::folder().join("tools/bin").join(name);
    let mut command = Command::new(if cached.exists() { cached } else { name.into() });
    command.stdin(Stdio::null());
    command
}

/// Runs a client; fails, with all that it said, unless it ended with 0.
pub fn run(command: &mut Command) -> Result<Ran> {
    let ran: Ran = command
        .output()
        .with_context(|| format!("run {command:?}: `make setup` installs it"))?
        .into();
    ensure!(
        ran.code == Some(0),
        "{command:?} ended with {:?}\n{}\n{}",
        ran.code,
        ran.stdout,
        ran.stderr
    );
    Ok(ran)
}
