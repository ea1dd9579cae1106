//! Input that is wrong: the error, its place, the exit code.

use crate::program::{Server, packyard, text};

#[test]
fn a_broken_pack_is_told_by_line_and_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("pack.json"),
        "{\n  \"name\": \"x\",\n}\n",
    )
    .expect("written");
    std::fs::write(folder.path().join("values.yaml"), "").expect("written");
    packyard(&["pack", "lint", text(folder.path())]).ends(5, &["pack.json:3:1"]);
    packyard(&["pack", "push", text(folder.path())]).ends(5, &["pack.json:3:1"]);
    packyard(&["pack", "lint", text(&folder.path().join("none"))]).ends(3, &["none"]);
}

#[test]
fn what_is_not_there_ends_with_three() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    server
        .run(&["pack", "show", "library/nothing:1"])
        .ends(3, &["library/nothing:1"]);
    server
        .run(&["pack", "pull", "library/nothing:1"])
        .ends(3, &["nothing"]);
    server
        .run(&["profile", "show", "library/nothing:1"])
        .ends(3, &["nothing"]);
    server
        .run(&["image", "pull", "library/images/nothing:1", "-o", "x"])
        .ends(3, &["nothing"]);
}

#[test]
fn a_disk_that_is_none_or_another_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let disk = folder.path().join("disk.raw");
    std::fs::write(&disk, vec![0; 4096]).expect("written");
    let describe = ["--os-name", "x", "--os-version", "1", "--ssh-username", "x"];
    let import =
        |more: &[&str]| server.run(&[&["image", "import", text(&disk)][..], more].concat());
    import(&describe).ends(1, &["no qcow2", "qemu-img convert"]);
    import(&[]).ends(2, &["--os-name"]);
    let digest = format!("sha256:{}", "0".repeat(64));
    import(&["--digest", &digest]).ends(1, &["digest", &digest, "got sha256:"]);
    server
        .run(&[
            "image",
            "import",
            "http://x.example/disk.qcow2",
            "--os-name",
            "x",
            "--os-version",
            "1",
            "--ssh-username",
            "x",
        ])
        .ends(2, &["digest"]);
}

#[test]
fn a_component_with_another_checksum_is_named_with_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = packyard(&[
        "pack",
        "new",
        "kube",
        "--layer",
        "k8s",
        "--output",
        text(folder.path()),
        "--json",
    ])
    .json();
    let pack = made["folder"].as_str().expect("a folder").to_owned();
    let wanted = "a".repeat(64);
    let components = format!(
        "schemaVersion: 1\ncomponents:\n  - name: kubelet\n    version: v1\n    kind: binary\n    file: kubelet\n    \
         sha256: {wanted}\n    sources: [bundle]\n    install: /usr/bin/kubelet\n    purpose: install\n"
    );
    std::fs::write(format!("{pack}/components.yaml"), components).expect("written");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("a folder");
    let bundle = || packyard(&["pack", "bundle", &pack, "--from", text(&files)]);
    bundle().ends(3, &["kubelet", "missing"]);
    std::fs::write(files.join("kubelet"), "not a kubelet").expect("written");
    bundle().ends(
        1,
        &[
            "kubelet",
            "checksum",
            &format!("sha256:{wanted}"),
            "got sha256:",
        ],
    );
}
