//! Metadata in PostgreSQL, as whoever runs the server meets it.

use tests_postgres::Postgres;

use crate::program::{Server, command, packyard, run, text};

#[test]
fn two_servers_on_one_database_tell_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = Postgres::shared().database();
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{url}\n")).expect("written");
    let start = |name: &str, variables: &[(&str, &str)]| {
        Server::start_with(&folder.path().join(name), &[], variables)
    };
    let first = start("first", &[("PACKYARD_DATABASE_URL", &url)]);
    let second = start("second", &[("PACKYARD_DATABASE_URL_FILE", text(&file))]);
    packyard(&["pack", "new", "shared", "--output", text(folder.path())]).ends(0, &[]);
    let pack = folder.path().join("shared");
    first.run(&["pack", "push", text(&pack)]).ends(0, &[]);
    let listed = |server: &Server| server.run(&["pack", "ls", "--json"]).json();
    assert_eq!(listed(&first), listed(&second));
    assert!(listed(&second).to_string().contains("shared"));
}

#[test]
fn a_wrong_address_is_told_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let serve = |url: &str| {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", text(&data)]);
        command.env("PACKYARD_DATABASE_URL", url);
        let ran = run(&mut command);
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
        ran
    };
    serve("mysql://packyard:hunter2@db/packyard").ends(
        2,
        &[
            "PACKYARD_DATABASE_URL",
            "postgres://USER:PASSWORD@HOST/DATABASE",
        ],
    );
    let nobody = "postgres://packyard:hunter2@%2Fnowhere/packyard";
    serve(nobody).ends(1, &["PostgreSQL", "registry.database"]);
    let file = folder.path().join("file.toml");
    std::fs::write(&file, "[registry]\ndatabase = \"hunter2\"\n").expect("written");
    let ran = run(command().args(["config", "check", text(&file)]));
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    ran.ends(2, &["file.toml:2:12", "registry.database"]);
}

#[test]
fn builder_and_registry_do_not_share_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let url = Postgres::shared().database();
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data", text(&data)]);
    command.env("PACKYARD_DATABASE_URL", &url);
    command.env("PACKYARD_BUILDER_DATABASE_URL", &url);
    run(&mut command).ends(2, &["builder.database", "same database", "create another"]);
}
