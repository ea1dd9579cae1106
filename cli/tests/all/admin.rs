//! What an operator does: check, save beside a running server, bring back, repair.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Server, packyard, text};

/// Pushes a pack; the file of its archive in the data folder.
fn publish(server: &Server, folder: &Path, data: &Path) -> PathBuf {
    let made = packyard(&["pack", "new", "hello", "--output", text(folder), "--json"]).json();
    let pack = made["folder"].as_str().expect("a folder").to_owned();
    server
        .run(&["pack", "push", &pack, "--project", "team"])
        .ends(0, &[]);
    let blobs = walk(&data.join("registry/blobs"));
    let largest = blobs
        .into_iter()
        .max_by_key(|path| std::fs::metadata(path).expect("a file").len());
    largest.expect("an archive")
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(walk(&path)),
            path => found.push(path),
        }
    }
    found
}

#[test]
fn damage_is_told_and_a_backup_brings_everything_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, saved, new) = (
        folder.path().join("data"),
        folder.path().join("saved"),
        folder.path().join("new"),
    );
    let server = Server::start(&data, &[]);
    let archive = publish(&server, folder.path(), &data);
    let sound = server.run(&["admin", "fsck", "--json"]).json();
    assert_eq!(sound["state"], "finished");
    let save = [
        "admin",
        "backup",
        text(&saved),
        "--data",
        text(&data),
        "--copy",
        "--json",
    ];
    let made = packyard(&save).json();
    assert_eq!(made["added"], made["blobs"]);
    assert_eq!(packyard(&save).json()["added"], 0);

    std::fs::write(&archive, b"spoilt").expect("written");
    let told = server
        .run(&["admin", "fsck"])
        .ends(1, &["1 blob is damaged", "--repair-from"]);
    for word in [
        "truncated",
        "team/spectro-packs/archive/hello",
        "0.1.0",
        "sha256:",
    ] {
        assert!(
            told.stdout.contains(word),
            "{word:?} is not in {}",
            told.stdout
        );
    }
    server
        .run(&["admin", "fsck", "--status"])
        .ends(1, &["1 blob is damaged"]);

    let bring = ["admin", "restore", text(&saved), "--data", text(&new)];
    packyard(&["admin", "restore", text(&saved), "--data", text(&data)]).ends(1, &["in use by"]);
    packyard(&bring).ends(0, &[]);
    packyard(&bring).ends(1, &["move it away"]);
    let restored = Server::start(&new, &[]);
    let out = folder.path().join("out");
    let pull = ["pack", "pull", "team/hello:0.1.0", "--output", text(&out)];
    restored.run(&pull).ends(0, &[]);
    assert!(out.join("pack.json").is_file());

    // The other registry has what this one lost.
    let repaired = server.run(&["admin", "fsck", "--json", "--repair-from", &restored.url]);
    let repaired: Value = repaired.json();
    assert_eq!(repaired["damage"][0]["repaired"], true, "{repaired}");
    let again = folder.path().join("again");
    let pull = ["pack", "pull", "team/hello:0.1.0", "--output", text(&again)];
    server.run(&pull).ends(0, &[]);
}
