//! Starting and stopping a server.

use crate::program::{Server, command, run, text};

#[test]
fn it_prints_one_line_and_ends_with_zero() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    assert_eq!(server.stop(), (Some(0), Vec::new()));
}

#[test]
fn a_port_and_a_folder_in_use_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let second = |listen: &str, data: &std::path::Path| {
        run(command().args(["serve", "--listen", listen, "--data", text(data)]))
    };
    second(server.host(), &folder.path().join("other"))
        .ends(1, &[server.host(), "in use", "--listen"]);
    second("127.0.0.1:0", &data).ends(1, &[text(&data), "another server", "--data"]);
    server.run(&["pack", "ls"]).ends(0, &[]);
}

#[test]
fn an_open_address_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    run(command().args([
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--data",
        text(folder.path()),
    ]))
    .ends(2, &["0.0.0.0", "authentication", "--insecure"]);
}

#[test]
fn a_data_folder_that_cannot_be_one_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    run(command().args(["serve", "--listen", "127.0.0.1:0", "--data", text(&file)]))
        .ends(1, &[text(&file)]);
}

#[test]
fn a_builder_alone_needs_a_registry() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = text(folder.path());
    let args = [
        "builder",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data,
    ];
    run(command().args(args)).ends(2, &["builder.registry", "PACKYARD_BUILDER_REGISTRY"]);
}

#[test]
fn without_a_builder_its_commands_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    server
        .run(&["image", "ls"])
        .ends(1, &["builder.enabled is false"]);
}
