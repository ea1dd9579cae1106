//! The soak for half a minute: nothing acknowledged is lost, and one order of events explains what
//! clients were told. `make soak` runs the same for hours.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::{Ran, load, packyard};
use serde_json::Value;

#[test]
fn a_registry_that_is_killed_loses_nothing() -> Result<()> {
    let counts = soak(&["--seconds", "15", "--kill-every", "3"])?;
    ensure!(counts["kills"].as_u64() > Some(1), "{counts}");
    Ok(())
}

/// Uploads begin at one server and end at another, as each request goes to any of them.
#[test]
fn three_registries_on_one_database_and_one_bucket_are_one() -> Result<()> {
    let counts = soak(&["--servers", "3", "--seconds", "25", "--kill-every", "3"])?;
    for what in ["kills", "restarts"] {
        ensure!(counts[what].as_u64() > Some(0), "{what}: {counts}");
    }
    Ok(())
}

fn soak(arguments: &[&str]) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let ran: Ran = Command::new(load())
        .args(["soak", "--packyard"])
        .arg(packyard())
        .arg("--out")
        .arg(folder.path())
        .args(arguments)
        .output()
        .context("run the load generator")?
        .into();
    let summary = ran.json()?;
    let counts = &summary["counts"];
    for what in ["lost", "violations", "errors"] {
        ensure!(counts[what] == 0, "{what}: {summary}");
    }
    for what in ["acknowledged", "pulls", "collections"] {
        ensure!(counts[what].as_u64() > Some(0), "{what}: {summary}");
    }
    Ok(counts.clone())
}
