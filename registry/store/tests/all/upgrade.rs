//! A database that an earlier version wrote: brought up to date with all that is in it.

use std::path::Path;

use registry_pack::Digest;
use registry_store::{Store, StoreConfig};
use sqlx::migrate::Migrator;

use crate::support::{Backend, Postgres, Rows, Sqlite, name};

/// What the first version may have written, in words that both databases know but for one.
const DATA: &str = include_str!("upgrade.sql");
const TABLES: &[&str] = &[
    "repositories",
    "blobs",
    "repository_blobs",
    "leases",
    "manifests",
    "manifest_blobs",
    "manifest_children",
    "manifest_missing",
    "tags",
    "uploads",
    "packs",
    "profiles",
];

async fn migrator(folder: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(folder);
    Migrator::new(folder).await.expect("migrations")
}

async fn upgrade<B: Backend>(migrations: &str) {
    let migrator = migrator(migrations).await;
    let mut versions: Vec<i64> = migrator.iter().map(|it| it.version).collect();
    versions.pop().expect("a migration");
    for version in versions {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = StoreConfig::new(folder.path());
        config.database = B::database();
        let mut rows = Rows::connect(&config).await;
        match &mut rows {
            Rows::Sqlite(rows) => migrator.run_to(version, rows).await,
            Rows::Postgres(rows) => migrator.run_to(version, rows).await,
        }
        .expect("an older schema");
        let data = match rows {
            Rows::Sqlite(_) => DATA.to_owned(),
            Rows::Postgres(_) => DATA.replace("AS BLOB", "AS BYTEA"),
        };
        rows.execute(&data).await.expect("its data");
        let mut before = Vec::new();
        for table in TABLES {
            before.push(rows.count(table).await);
        }
        assert!(!before.contains(&0), "{before:?}");

        let store = Store::open(config.clone()).await.expect("an open store");
        for (table, before) in TABLES.iter().zip(before) {
            assert_eq!(rows.count(table).await, before, "{table} from {version}");
        }
        read_everything(&store).await;
        store.close().await;
    }
}

async fn read_everything(store: &Store) {
    let repository = name("p/spectro-packs/archive/x");
    let tag = "1.0.0".parse().expect("a tag");
    let manifest = store
        .manifest_by_tag(&repository, &tag)
        .await
        .expect("the manifest");
    assert_eq!(&manifest.bytes[..], b"one");
    let blob = Digest::sha256(b"layer");
    assert_eq!(
        store
            .blob(&repository, &blob)
            .await
            .expect("the blob")
            .size_bytes,
        5
    );
    let tags = store.tags(&repository, "", 9).await.expect("tags");
    assert_eq!(tags, ["1.0.0", "1.0.x"]);
    let upload = store.upload(&repository, "u").await.expect("the upload");
    assert_eq!(upload.offset, 3);
    store.pack("p", "x", "1.0.0").await.expect("the pack");
    store.profile("p", "x", "1.0.0").await.expect("the profile");
    store
        .delete_manifest(&repository, &Digest::sha256(b"index"))
        .await
        .expect("deleted");
}

#[tokio::test]
async fn every_earlier_schema_of_sqlite_is_upgraded_with_its_data() {
    upgrade::<Sqlite>("sqlite").await;
}

#[tokio::test]
async fn every_earlier_schema_of_postgres_is_upgraded_with_its_data() {
    upgrade::<Postgres>("postgres").await;
}

/// Migrations that were released; a database that ran one refuses it changed.
#[tokio::test]
async fn released_migrations_never_change() {
    let released = [(
        "sqlite",
        1,
        "5b4d01a77e01f162260a772eaa875f0bcd5414b7c7979e8142abf1978fb57a9bed1090e2aca7ed6894d26e08e8d98cca",
    )];
    for (folder, version, expected) in released {
        let migrator = migrator(folder).await;
        let migration = migrator
            .iter()
            .find(|migration| migration.version == version)
            .expect("the migration");
        let sum: String = migration
            .checksum
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(sum, expected, "{folder} {version}");
    }
}
