//! The file that SQLite keeps.

use sqlx::AssertSqlSafe;

use crate::support::{Case, Rows, Sqlite, manifest, name};

#[tokio::test]
async fn the_files_are_as_durable_and_whole_as_promised() {
    let case = Case::<Sqlite>::new().await;
    let blobs = [case.push("a", b"one").await, case.push("a", b"two").await];
    let new = manifest("m", &[&blobs[0], &blobs[1]], &["v1", "v2"]);
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored");
    let Rows::Sqlite(mut rows) = case.rows().await else {
        panic!("not SQLite");
    };
    for (pragma, expected) in [("journal_mode", "wal"), ("integrity_check", "ok")] {
        let answer: String = sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {pragma}")))
            .fetch_one(&mut rows)
            .await
            .expect("an answer");
        assert_eq!(answer, expected, "{pragma}");
    }
}
