//! Images in registries: copied between projects and servers, the same to the last byte.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Server, packyard, text};

const IMAGE: &str = "library/images/base/tiny:1";

/// A file with the header of a qcow2 disk of one gibibyte, and bytes that do not shrink.
fn disk(folder: &Path) -> PathBuf {
    let mut bytes = vec![0; 80];
    bytes[..4].copy_from_slice(b"QFI\xfb");
    bytes[7] = 3;
    bytes[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
    let mut state = 7_u32;
    bytes.extend((0..200_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    }));
    let path = folder.join("tiny.qcow2");
    std::fs::write(&path, bytes).expect("written");
    path
}

fn import(server: &Server, disk: &Path) -> Value {
    let named = [
        "--os-name",
        "debian",
        "--os-version",
        "13",
        "--ssh-username",
        "debian",
        "--json",
    ];
    let import = ["image", "import", text(disk), IMAGE];
    server.run(&[&import[..], &named[..]].concat()).json()
}

#[test]
fn a_copy_is_the_same_artifact_and_what_is_there_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let (here, there) = (Server::start(&here, &[]), Server::start(&there, &[]));
    let disk = disk(folder.path());
    let imported = import(&here, &disk);
    let copy = |to: &str| here.run(&["image", "copy", IMAGE, to, "--json"]).json();
    // On one server bytes are only named anew.
    let in_project = copy("prod");
    assert_eq!(in_project["repository"], "prod/images/base/tiny");
    assert_eq!(in_project["digest"], imported["digest"]);
    assert_eq!(in_project["sentBytes"], 0);
    let elsewhere = format!("{}/team/images/tiny", there.host());
    let first = copy(&elsewhere);
    assert_eq!(first["digest"], imported["digest"]);
    assert!(first["sentBytes"].as_u64() > Some(200_000), "{first}");
    assert_eq!(copy(&elsewhere)["sentBytes"], 0);
    for (server, image) in [
        (&here, "prod/images/base/tiny:1"),
        (&there, "team/images/tiny:1"),
    ] {
        let file = folder.path().join("pulled.qcow2");
        server
            .run(&["image", "pull", image, "--output", text(&file)])
            .ends(0, &[]);
        let (pulled, whole) = (std::fs::read(&file), std::fs::read(&disk));
        assert!(pulled.expect("a file") == whole.expect("a file"), "{image}");
    }
}

#[test]
fn what_refers_to_an_artifact_is_copied_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let made = packyard(&[
        "pack",
        "new",
        "hello",
        "--output",
        text(folder.path()),
        "--json",
    ])
    .json();
    let pack = made["folder"].as_str().expect("a folder");
    let pack = server.run(&["pack", "push", pack, "--json"]).json();
    let version = pack["version"].as_str().unwrap_or("0.1.0");
    let reference = format!("library/spectro-packs/archive/hello:{version}");
    server
        .run(&["pack", "deprecate", &reference, "--reason", "too old"])
        .ends(0, &[]);
    let copied = server
        .run(&["image", "copy", &reference, "prod/images/hello", "--json"])
        .json();
    assert_eq!(copied["referrers"], 1, "{copied}");
}

#[test]
fn rules_and_reasons_have_to_be_given() {
    packyard(&["image", "gc"]).ends(2, &["--keep-last"]);
    packyard(&["image", "revoke", "0123456789"]).ends(2, &["--reason"]);
}
