//! Every query of both dialects, prepared against the schema that the migrations make.

use std::collections::BTreeSet;

use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tests_postgres::Postgres;

use super::statement::Statement;
use super::{
    STATEMENTS, blobs, claim, collector, deprecations, doomed, fsck, leases, manifests,
    object_uploads, packs, parents, postgres, profiles, references, referrers, repositories,
    sqlite, tags, unreachable, uploads,
};

fn all() -> Vec<&'static Statement> {
    let modules = [
        STATEMENTS,
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

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let mut connection = SqliteConnection::connect("sqlite::memory:")
        .await
        .expect("a database");
    sqlite::MIGRATIONS
        .run(&mut connection)
        .await
        .expect("the schema");
    for statement in all() {
        let prepared = (&mut connection).prepare(sqlx::SqlSafeStr::into_sql_str(statement.sqlite));
        prepared
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.what, statement.sqlite));
    }
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    let url = Postgres::shared().database();
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    postgres::MIGRATIONS
        .run(&mut connection)
        .await
        .expect("the schema");
    for statement in all() {
        let prepared =
            (&mut connection).prepare(sqlx::SqlSafeStr::into_sql_str(statement.postgres));
        prepared
            .await
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.what, statement.postgres));
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let versions = |migrator: &sqlx::migrate::Migrator| -> Vec<(i64, String)> {
        migrator
            .iter()
            .map(|migration| (migration.version, migration.description.to_string()))
            .collect()
    };
    assert_eq!(
        versions(&sqlite::MIGRATIONS),
        versions(&postgres::MIGRATIONS)
    );
}

#[tokio::test]
async fn both_schemas_have_the_same_columns() {
    let mut file = SqliteConnection::connect("sqlite::memory:")
        .await
        .expect("a database");
    sqlite::MIGRATIONS.run(&mut file).await.expect("the schema");
    let of_sqlite: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut file)
    .await
    .expect("columns");
    let mut server = PgConnection::connect(&Postgres::shared().database())
        .await
        .expect("a connection");
    postgres::MIGRATIONS
        .run(&mut server)
        .await
        .expect("the schema");
    let of_postgres: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'",
    )
    .fetch_all(&mut server)
    .await
    .expect("columns");
    let set = |columns: Vec<(String, String)>| columns.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(set(of_sqlite), set(of_postgres));
}
