//! Seeding a database that the builder's own migrations made.

use std::collections::BTreeSet;

use sqlx::migrate::Migrator;

use super::*;

/// The builder's own: a migration that changes the table has to be followed here.
const MIGRATIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../imagebuilder/engine/migrations/sqlite"
);

fn example() -> Row {
    let signature = "1f".repeat(32);
    let digest = format!("sha256:{}", "ab".repeat(32));
    Row {
        record: serde_json::json!({
            "signature": signature,
            "state": "verified",
            "artifact": {"repository": "library/images/a", "digest": digest},
        })
        .to_string(),
        signature,
        state: "verified".to_owned(),
        profile: "library/profiles/a:1.0.0".to_owned(),
        build: Some("b1".to_owned()),
        repository: Some("library/images/a".to_owned()),
        digest: Some(digest),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    }
}

/// A database as the builder makes it, with one image.
fn database(folder: &Path, row: &Row) -> std::path::PathBuf {
    let file = folder.join("builder.db");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .foreign_keys(true);
    wait(async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let migrations = Migrator::new(Path::new(MIGRATIONS)).await?;
        migrations.run(&mut connection).await?;
        insert(&mut connection, row, 1).await?;
        // `insert` writes copies; this one is to keep its name.
        sqlx::query("update images set signature = $1, digest = $2, record = $3")
            .bind(&row.signature)
            .bind(&row.digest)
            .bind(&row.record)
            .execute(&mut connection)
            .await?;
        Ok(())
    })
    .unwrap();
    file
}

fn rows(file: &Path) -> Vec<Row> {
    wait(async {
        let mut connection = open(file).await?;
        Ok(sqlx::query_as("select * from images")
            .fetch_all(&mut connection)
            .await?)
    })
    .unwrap()
}

#[test]
fn the_builders_database_is_filled_with_copies() {
    let folder = tempfile::tempdir().unwrap();
    let row = example();
    let file = database(folder.path(), &row);
    assert_eq!(fill(&file, &row.signature, 500).unwrap(), 499);
    assert_eq!(fill(&file, &row.signature, 500).unwrap(), 0);
    assert_eq!(count(&file).unwrap(), 500);
    let rows = rows(&file);
    assert!(rows.contains(&row));
    let mut names = BTreeSet::new();
    for one in rows {
        let record: serde_json::Value = serde_json::from_str(&one.record).unwrap();
        assert_eq!(record["signature"], *one.signature);
        assert_eq!(record["artifact"]["digest"], *one.digest.as_ref().unwrap());
        assert_eq!((one.state.as_str(), one.signature.len()), ("verified", 64));
        names.extend([one.signature, one.digest.unwrap()]);
    }
    assert_eq!(names.len(), 1000);
}

#[test]
fn only_a_verified_image_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let row = Row {
        state: "captured".to_owned(),
        ..example()
    };
    let file = database(folder.path(), &row);
    for (signature, why) in [(row.signature.as_str(), "is captured"), ("abc", "no image")] {
        let error = fill(&file, signature, 10).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(count(&file).unwrap(), 1);
}
