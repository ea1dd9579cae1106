//! The rows themselves: what one transaction leaves, and what the keys refuse.

use registry_pack::Algorithm;

use super::Case;
use crate::support::{manifest, name};

#[tokio::test]
async fn finishing_an_upload_leaves_blob_right_and_lease_and_no_upload() {
    let case = Case::new().await;
    let state = case
        .store
        .start_upload(&name("a"), Algorithm::Sha256)
        .await
        .expect("an upload");
    let mut rows = case.rows().await;
    assert_eq!(rows.count("uploads").await, 1);
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
        assert_eq!(rows.count(table).await, expected, "{table}");
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
    let mut rows = case.rows().await;
    let statements = [
        "INSERT INTO manifest_blobs SELECT m.id, m.repository_id, b.id FROM manifests m, blobs b
         WHERE b.size_bytes = 9",
        "DELETE FROM repository_blobs WHERE blob_id = (SELECT id FROM blobs WHERE size_bytes = 4)",
        "INSERT INTO tags SELECT r.id, 'stolen', m.id, 'pushed', 0 FROM repositories r, manifests m
         WHERE r.name = 'b'",
        "DELETE FROM blobs",
    ];
    for statement in statements {
        let error = rows.execute(statement).await.expect_err(statement);
        let refused = error.as_database_error().expect("the database's answer");
        assert!(refused.is_foreign_key_violation(), "{error}");
    }
}

#[tokio::test]
async fn lists_are_sorted_by_bytes() {
    let case = Case::new().await;
    let blob = case.push("a", b"layer").await;
    let tags = ["a", "B", "_", "b", "A", "0"];
    let new = manifest("m", &[&blob], &tags);
    case.store
        .put_manifest(&name("a"), &new)
        .await
        .expect("stored");
    let listed = case.store.tags(&name("a"), "", 9).await.expect("tags");
    assert_eq!(listed, ["0", "A", "B", "_", "a", "b"]);
    let rest = case.store.tags(&name("a"), "B", 2).await.expect("tags");
    assert_eq!(rest, ["_", "a"]);
}
