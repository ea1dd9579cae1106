//! The process ends after every single step of pushes, mounts and deletions: what was acknowledged
//! is there, what was not is whole or absent, and nothing stands in the way of doing it again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use registry_pack::{Algorithm, Digest};
use registry_store::{NewManifest, Pace, Store, StoreConfig, StoreError};

use super::Case;
use crate::child;
use crate::support::{at_once, collect, manifest, name, noise, push, read};

/// Fewer would mean that the steps have lost their points.
const LEAST_POINTS: u64 = 40;
const MOST_POINTS: u64 = 500;

/// What a child pushes; every round has content of its own, and the tag `latest` moves.
struct Round {
    number: u64,
    at_once: Vec<u8>,
    in_two_parts: Vec<u8>,
}

impl Round {
    fn new(number: u64) -> Self {
        Self {
            number,
            at_once: noise(3000, 2 * number + 1),
            in_two_parts: noise(5000, 2 * number + 2),
        }
    }

    fn manifest(&self, kind: &str, blobs: &[&registry_store::Blob], tag: &str) -> NewManifest {
        let number = self.number;
        manifest(
            &format!("{kind} {number}"),
            blobs,
            &[format!("{tag}{number}").as_str(), tag],
        )
    }

    /// Does everything once; writes each acknowledgement down as a client would hear it.
    async fn run(&self, store: &Store, told: &mut Told) -> Result<(), StoreError> {
        let first = push(store, "a", &self.at_once).await?;
        told.hear("at once");
        let begun = store.start_upload(&name("a"), Algorithm::Sha256).await?;
        let (one, two) = self.in_two_parts.split_at(2000);
        let mut upload = store.continue_upload(&name("a"), &begun.id).await?;
        upload.write(Bytes::copy_from_slice(one)).await?;
        upload.suspend().await?;
        let mut upload = store.continue_upload(&name("a"), &begun.id).await?;
        upload.write(Bytes::copy_from_slice(two)).await?;
        let second = upload.finish(&Digest::sha256(&self.in_two_parts)).await?;
        told.hear("in two parts");
        let kept = self.manifest("kept", &[&first, &second], "kept");
        store.put_manifest(&name("a"), &kept).await?;
        told.hear("kept");
        store.mount(&name("b"), &name("a"), &first.digest).await?;
        told.hear("mounted");
        let gone = self.manifest("gone", &[&first], "gone");
        store.put_manifest(&name("b"), &gone).await?;
        told.hear("gone");
        store.delete_manifest(&name("b"), &gone.digest).await?;
        told.hear("deleted");
        Ok(())
    }

    /// Compares what is there with what its client was told.
    async fn check(&self, store: &Store, told: &str) {
        let number = self.number;
        let heard = |what: &str| told.lines().any(|line| line == format!("{number} {what}"));
        for (what, content) in [
            ("at once", &self.at_once),
            ("in two parts", &self.in_two_parts),
        ] {
            match read(store, "a", &Digest::sha256(content)).await {
                Ok(found) => assert!(found == *content, "{what} of {number} changed"),
                Err(error) => assert!(!heard(what), "{what} of {number} is lost: {error}"),
            }
        }
        if heard("mounted") {
            let digest = Digest::sha256(&self.at_once);
            let found = read(store, "b", &digest).await.expect("what was mounted");
            assert!(found == self.at_once);
        }
        self.check_manifest(store, "a", "kept", heard("kept"), false)
            .await;
        self.check_manifest(store, "b", "gone", heard("gone"), heard("deleted"))
            .await;
    }

    async fn check_manifest(&self, store: &Store, place: &str, kind: &str, told: bool, gone: bool) {
        let number = self.number;
        let tag = format!("{kind}{number}").parse().expect("a tag");
        match store.manifest_by_tag(&name(place), &tag).await {
            Ok(found) => {
                assert!(!gone, "{kind} {number} is there after its deletion");
                assert_eq!(found.bytes, format!("{kind} {number}"));
                // Whoever finds a manifest finds all of it.
                let first = read(store, place, &Digest::sha256(&self.at_once)).await;
                assert!(first.expect("a layer") == self.at_once);
            }
            // Its deletion may have ended before anybody was told.
            Err(error) => assert!(!told || kind == "gone", "{kind} {number} is lost: {error}"),
        }
    }
}

/// The file in which a child says what it heard.
struct Told {
    path: PathBuf,
    number: u64,
}

impl Told {
    fn path(data: &Path) -> PathBuf {
        data.join("told")
    }

    fn hear(&mut self, what: &str) {
        let mut line = String::new();
        writeln!(line, "{} {what}", self.number).expect("a line");
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .expect("a file");
        file.write_all(line.as_bytes()).expect("written");
    }
}

/// The other half of the test below: one round, in a process that ends at one of its points.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn crashing_child() {
    let Some(config) = child::config() else {
        return;
    };
    let path = Told::path(&config.data_dir);
    let number = std::fs::read_to_string(path.with_extension("round")).expect("a round");
    let number = number.parse().expect("a number");
    let store = Store::open(StoreConfig {
        lease: StoreConfig::new("").lease,
        ..config
    })
    .await
    .expect("an open store");
    let mut told = Told { path, number };
    Round::new(number)
        .run(&store, &mut told)
        .await
        .expect("a round");
}

#[tokio::test]
async fn after_every_step_a_kill_loses_nothing() {
    let case = Case::new().await;
    case.store.close().await;
    let path = Told::path(&case.config.data_dir);
    let mut points = 0;
    loop {
        points += 1;
        assert!(points < MOST_POINTS, "it never ends");
        std::fs::write(path.with_extension("round"), points.to_string()).expect("written");
        let ended = child::crash_at(module_path!(), "crashing_child", &case.config, points);
        let store = case.another().await;
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        Round::new(points).check(&store, &told).await;
        // What was half done can be done.
        let mut nobody = Told {
            path: path.with_extension("again"),
            number: points,
        };
        let again = Round::new(points).run(&store, &mut nobody).await;
        again.unwrap_or_else(|error| panic!("point {points}: {error}"));
        store.close().await;
        if ended {
            break;
        }
    }
    assert!(points > LEAST_POINTS, "only {points} points");
    let store = case.another().await;
    for number in 1..=points {
        let done = format!(
            "{number} at once\n{number} in two parts\n{number} kept\n{number} mounted\n{number} deleted\n"
        );
        Round::new(number).check(&store, &done).await;
    }
    check_all(&store).await;
    collect(&store, &at_once()).await;
    check_all(&store).await;
    // Two blobs of each round are needed; all else that the crashes left is gone.
    assert_eq!(case.files("blobs").len() as u64, 2 * points);
}

/// Every byte in the store is what its row says.
async fn check_all(store: &Store) {
    let mut progress = store.begin_check().await.expect("a check");
    let mut pace = Pace::new(None);
    while !progress.finished {
        let damage = store.check_some(&mut progress, &mut pace).await;
        let damage = damage.expect("checked");
        assert!(damage.is_empty(), "{damage:?}");
    }
}
