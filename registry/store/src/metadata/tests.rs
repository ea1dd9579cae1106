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
