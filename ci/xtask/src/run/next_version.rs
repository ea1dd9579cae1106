//! What a machine that has one version of an image fetches of the next.
//!
//! Both images of the main job are pulled for it, one over the other, and not kept.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::client::Client;
use super::{Interrupt, Job, Places, Server, path, say};

/// The bytes that a pull of the changed image fetched, as a share of all its bytes.
pub(crate) fn fetched_share(
    places: &Places,
    server: &Server,
    job: &Job,
    interrupt: &Interrupt,
) -> Result<f64> {
    say("pull the image, then the next version over it");
    let client = Client::new(&places.packyard, server.url(), &places.folder, interrupt);
    let (old, new) = (places.file("cold.qcow2"), places.file("changed.qcow2"));
    // What a broken run left would be reused.
    remove(&[&old, &new]);
    let answer = pull(&client, job, &old, &new);
    remove(&[&old, &new]);
    share(&answer?)
}

fn remove(files: &[&Path]) {
    for file in files {
        // Most often not there before, nor after a pull that failed.
        drop(std::fs::remove_file(file));
    }
}

fn pull(client: &Client<'_>, job: &Job, old: &Path, new: &Path) -> Result<Value> {
    let old = path(old)?;
    client.run(&["image", "pull", &job.cold, "-o", old])?;
    let (answer, _) = client.json(&[
        "image",
        "pull",
        &job.changed,
        "-o",
        path(new)?,
        "--reuse",
        old,
    ])?;
    Ok(answer)
}

fn share(answer: &Value) -> Result<f64> {
    let bytes = |key: &str| {
        let number = answer[key].as_f64();
        number.with_context(|| format!("the answer of the pull has no {key}"))
    };
    let (fetched, reused) = (bytes("fetchedBytes")?, bytes("reusedBytes")?);
    ensure!(fetched + reused > 0.0, "the image has no bytes");
    Ok(fetched / (fetched + reused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_share_is_of_the_whole() {
        let answer = json!({"fetchedBytes": 25, "reusedBytes": 75});
        assert!((share(&answer).unwrap() - 0.25).abs() < 1e-9);
        for bad in [
            json!({"fetchedBytes": 1}),
            json!({"fetchedBytes": 0, "reusedBytes": 0}),
        ] {
            assert!(share(&bad).is_err(), "{bad}");
        }
    }
}
