//! The rows themselves: what one transaction leaves, and what the keys refuse.

use registry_pack::Algorithm;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::support::{Case, manifest, name};

async fn connect(case: &Case) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(case.config.data_dir.join("registry.db"))
        .foreign_keys(true)
        .connect()
        .await
        .expect("a connection")
}

async fn count(connection: &mut SqliteConnection, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
        .fetch_one(connection)
        .await
        .expect("a count")
}

#[tokio::test]
async fn finishing_an_upload_leaves_blob_right_and_lease_and_no_upload() {
    let case = Case::new().await;
    let state = case
        .store
        .start_upload(&name("a"), Algorithm::Sha256)
        .await
        .expect("an upload");
    let mut rows = connect(&case).await;
    assert_eq!(count(&mut rows, "uploads").await, 1);
    let mut upload = case
        .store
        .continue_upload(&name("a"), &state.id)
        .await
        .expect("an upload");
    upload.write("x".into()).await.expect("written");
    upload
        .finish(&registry_pack::Digest::sha256(b"x"))
        .await
        .expect("a blob");
    for (table, expected) in [
        ("blobs", 1),
        ("repository_blobs", 1),
        ("leases", 1),
        ("uploads", 0),
    ] {
        assert_eq!(count(&mut rows, table).await, expected, "{table}");
    }
}

#[tokio::test]
async fn the_keys_refuse_a_manifest_whose_blob_the_repository_does_not_have() {
    let case = Case::new().await;
    let here = case.push("a", b"here").await;
    case.push("b", b"elsewhere").await;
    case.store
        .put_manifest(&name("a"), &manifest("m", &[&here], &["v1"]))
        .await
        .expect("stored");
    let mut rows = connect(&case).await;
    let statements = [
        "INSERT INTO manifest_blobs SELECT m.id, m.repository_id, b.id FROM manifests m, blobs b
         WHERE b.size_bytes = 9",
        "DELETE FROM repository_blobs WHERE blob_id = (SELECT id FROM blobs WHERE size_bytes = 4)",
        "INSERT INTO tags SELECT r.id, 'stolen', m.id, 'pushed', 0 FROM repositories r, manifests m
         WHERE r.name = 'b'",
        "DELETE FROM blobs",
    ];
    for statement in statements {
        let error = sqlx::query(statement)
            .execute(&mut rows)
            .await
            .expect_err(statement);
        assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
    }
}

#[tokio::test]
async fn the_files_are_as_durable_and_whole_as_promised() {
    let case = Case::new().await;
    let blobs = [case.push("a", b"one").await, case.push("a", b"two").await];
    let new = manifest("m", &[&blobs[0], &blobs[1]], &["v1", "v2"]);
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored");
    let mut rows = connect(&case).await;
    for (pragma, expected) in [("journal_mode", "wal"), ("integrity_check", "ok")] {
        let answer: String = sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {pragma}")))
            .fetch_one(&mut rows)
            .await
            .expect("an answer");
        assert_eq!(answer, expected, "{pragma}");
    }
}
