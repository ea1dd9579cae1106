//! What refers to a manifest, asked again and again.

use registry_pack::Digest;
use registry_store::NewManifest;

use super::Case;
use crate::support::{manifest, name};

#[tokio::test]
async fn a_page_is_as_new_as_the_last_write() {
    let case = Case::new().await;
    let (repository, subject) = (name("a"), Digest::sha256(b"subject"));
    let list = async |artifact_type: Option<&str>, last| {
        let page = case
            .store
            .referrers(&repository, &subject, artifact_type, last, 2);
        // The second answer may come from memory.
        drop(page.await.expect("a page"));
        let page = case
            .store
            .referrers(&repository, &subject, artifact_type, last, 2);
        let found = page.await.expect("a page").into_iter();
        found
            .map(|one| (one.position, one.digest))
            .collect::<Vec<_>>()
    };
    assert_eq!(list(None, 0).await, []);
    let mut pushed = Vec::new();
    for (text, kind) in [("one", "a/x"), ("two", "a/y"), ("three", "a/x")] {
        let referrer = NewManifest {
            subject: Some(subject.clone()),
            artifact_type: Some(kind.to_owned()),
            ..manifest(text, &[], &[])
        };
        let stored = case.store.put_manifest(&repository, &referrer).await;
        stored.expect("stored");
        pushed.push(referrer.digest);
        let digests: Vec<_> = list(None, 0).await.into_iter().map(|one| one.1).collect();
        assert_eq!(digests, pushed[..pushed.len().min(2)]);
    }
    let first = list(None, 0).await;
    assert_eq!(list(None, first[1].0).await[0].1, pushed[2]);
    assert_eq!(list(Some("a/y"), 0).await[0].1, pushed[1]);
    assert_eq!(list(Some("a/x"), 0).await.len(), 2);
    case.store
        .delete_manifest(&repository, &pushed[0])
        .await
        .expect("deleted");
    assert_eq!(list(Some("a/x"), 0).await[0].1, pushed[2]);
    assert_eq!(list(None, 0).await[0].1, pushed[1]);
}
