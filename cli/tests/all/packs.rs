//! A pack's way: made, checked, published, listed, fetched.

use std::path::{Path, PathBuf};

use crate::program::{Server, packyard, text};

fn new_pack(folder: &Path, name: &str) -> PathBuf {
    let made = packyard(&["pack", "new", name, "--output", text(folder), "--json"]).json();
    PathBuf::from(made["folder"].as_str().expect("a folder"))
}

#[test]
fn a_new_pack_goes_all_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = new_pack(folder.path(), "hello");
    packyard(&["pack", "lint", text(&pack)]).ends(0, &["no complaints"]);
    let server = Server::start(&folder.path().join("data"), &[]);
    let pushed = server
        .run(&["pack", "push", text(&pack), "--project", "team", "--json"])
        .json();
    let reference = pushed["reference"]
        .as_str()
        .expect("a reference")
        .to_owned();

    let listed = server.run(&["pack", "ls", "--json"]).json();
    assert_eq!(listed["packs"][0]["name"], "hello");
    assert_eq!(listed["packs"][0]["digest"], pushed["digest"]);
    let shown = server.run(&["pack", "show", &reference, "--json"]).json();
    assert_eq!(shown["project"], "team");
    let by_digest = format!(
        "team/hello@{}",
        pushed["digest"].as_str().expect("a digest")
    );
    assert_eq!(
        server.run(&["pack", "show", &by_digest, "--json"]).json(),
        shown
    );

    let out = folder.path().join("out");
    server
        .run(&["pack", "pull", &reference, "--output", text(&out)])
        .ends(0, &[]);
    for file in ["pack.json", "values.yaml"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).expect(file);
        assert_eq!(read(&pack), read(&out), "{file}");
    }
    server
        .run(&["pack", "pull", &reference, "--output", text(&out)])
        .ends(2, &["not empty"]);
    let elsewhere = format!("{}/{reference}", server.host());
    let again = folder.path().join("again");
    packyard(&["pack", "pull", &elsewhere, "--output", text(&again)]).ends(0, &[]);
}

#[test]
fn a_published_version_does_not_move() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = new_pack(folder.path(), "hello");
    let server = Server::start(&folder.path().join("data"), &[]);
    server.run(&["pack", "push", text(&pack)]).ends(0, &[]);
    server.run(&["pack", "push", text(&pack)]).ends(0, &[]);
    std::fs::write(pack.join("README.md"), "# Another\n").expect("written");
    server
        .run(&["pack", "push", text(&pack)])
        .ends(5, &["new version"]);
}

#[test]
fn the_same_folder_gives_the_same_archive() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = new_pack(folder.path(), "hello");
    let archive = |name: &str| {
        let file = folder.path().join(name);
        packyard(&[
            "pack",
            "archive",
            text(&pack),
            "--output",
            text(&file),
            "--json",
        ])
        .json()["digest"]
            .clone()
    };
    assert_eq!(archive("one.tar.gz"), archive("two.tar.gz"));
}
