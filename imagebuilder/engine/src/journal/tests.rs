//! The statements and the schema on both databases, and what two processes do to each other.

use database::{Database, Pool, PostgresConfig, Statement};
use tempfile::TempDir;
use tests_postgres::Postgres;

use super::schema::SCHEMA;
use super::{
    announce, builds, conditions, control, deliveries, events, images, leases, load, operators,
    queue, resources, retention, stage_store, stages, steps, usage, workers,
};

mod claims;
mod process;

pub(super) use process::{Both, new_build, other};

fn all() -> Vec<&'static Statement> {
    let modules = [
        announce::STATEMENTS,
        builds::STATEMENTS,
        conditions::STATEMENTS,
        control::STATEMENTS,
        deliveries::STATEMENTS,
        events::STATEMENTS,
        images::STATEMENTS,
        leases::STATEMENTS,
        load::STATEMENTS,
        operators::STATEMENTS,
        queue::STATEMENTS,
        resources::STATEMENTS,
        retention::STATEMENTS,
        stage_store::STATEMENTS,
        stages::STATEMENTS,
        steps::STATEMENTS,
        usage::STATEMENTS,
        workers::STATEMENTS,
    ];
    modules.concat()
}

fn postgres() -> Database {
    let url = Postgres::shared().database().parse().expect("an address");
    Database::Postgres(PostgresConfig::new(url))
}

async fn pools(folder: &TempDir) -> [Pool; 2] {
    let file = folder.path().join("test.db");
    let open = async |database: &Database| Pool::open(database, &file, &SCHEMA).await;
    [
        open(&Database::Sqlite).await.expect("a file"),
        open(&postgres()).await.expect("a server"),
    ]
}

#[tokio::test]
async fn both_databases_understand_every_statement() {
    let folder = tempfile::tempdir().expect("a folder");
    for pool in pools(&folder).await {
        for statement in all() {
            let understood = pool.understand(statement).await;
            understood.unwrap_or_else(|error| panic!("{error:?}\n{statement:#?}"));
        }
    }
}

#[tokio::test]
async fn both_databases_have_the_same_migrations_and_columns() {
    let [sqlite, postgres] = SCHEMA.versions();
    assert_eq!(sqlite, postgres);
    let folder = tempfile::tempdir().expect("a folder");
    let [file, server] = pools(&folder).await;
    let columns = file.columns().await.expect("columns");
    assert!(columns.len() > 80, "{columns:?}");
    assert_eq!(columns, server.columns().await.expect("columns"));
}
