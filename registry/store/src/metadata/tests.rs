//! Every query of both dialects, prepared against the schema that the migrations make.

use database::{Database, Pool, PostgresConfig, Statement};
use tests_postgres::Postgres;

use super::schema::SCHEMA;
use super::{
    blobs, claim, collector, deprecations, doomed, fsck, leases, manifests, object_uploads, packs,
    parents, profiles, references, referrers, repositories, tags, unreachable, uploads,
};

fn all() -> Vec<&'static Statement> {
    let modules = [
        blobs::STATEMENTS,
        claim::STATEMENTS,
        collector::STATEMENTS,
        doomed::STATEMENTS,
        fsck::STATEMENTS,
        leases::STATEMENTS,
        manifests::STATEMENTS,
        deprecations::STATEMENTS,
        object_uploads::STATEMENTS,
        packs::STATEMENTS,
        parents::STATEMENTS,
        profiles::STATEMENTS,
        references::STATEMENTS,
        referrers::STATEMENTS,
        repositories::STATEMENTS,
        tags::STATEMENTS,
        unreachable::STATEMENTS,
        uploads::STATEMENTS,
    ];
    modules.concat()
}

async fn pools(folder: &tempfile::TempDir) -> [Pool; 2] {
    let url = Postgres::shared().database().parse().expect("an address");
    let postgres = Database::Postgres(PostgresConfig::new(url));
    let file = folder.path().join("test.db");
    let open = async |database: &Database| Pool::open(database, &file, &SCHEMA).await;
    [
        open(&Database::Sqlite).await.expect("a file"),
        open(&postgres).await.expect("a server"),
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

/// SQLite would as soon read a whole repository and look into the list for each row: what a push
/// costs would grow with what was pushed before.
#[tokio::test]
async fn sqlite_reads_a_list_once_and_not_for_each_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let [pool, _] = pools(&folder).await;
    let mut lists = 0;
    for statement in all() {
        let steps = pool.plan(statement).await.expect("a plan");
        for (number, (_, part_of, said)) in steps.iter().enumerate() {
            if !said.starts_with("SCAN j ") {
                continue;
            }
            lists += 1;
            let is_inside = |(_, other, said): &&(i64, i64, String)| {
                other == part_of && (said.starts_with("SCAN ") || said.starts_with("SEARCH "))
            };
            let outer = steps[..number].iter().find(is_inside);
            assert!(outer.is_none(), "{outer:?} before {said}\n{statement:#?}");
        }
    }
    assert!(lists > 10, "found {lists} lists");
}

#[tokio::test]
async fn both_databases_have_the_same_migrations_and_columns() {
    let [sqlite, postgres] = SCHEMA.versions();
    assert_eq!(sqlite, postgres);
    let folder = tempfile::tempdir().expect("a folder");
    let [file, server] = pools(&folder).await;
    let columns = file.columns().await.expect("columns");
    assert!(!columns.is_empty());
    assert_eq!(columns, server.columns().await.expect("columns"));
}
