//! Referrers: always an index, filtered, in pages (rule 14).

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{IMAGE, INDEX, header, on_each_backend, refused, sha256};

#[tokio::test]
async fn rule_14_referrers_are_an_index_also_when_there_are_none() {
    on_each_backend(async |registry| {
        let subject = registry.push_image("a", "v1", b"layer").await;
        for path in [
            format!("/v2/a/referrers/{subject}"),
            format!("/v2/nothing/here/referrers/{subject}"),
        ] {
            let response = registry.get(&path).await;
            assert_eq!(header(response.headers(), "content-type"), INDEX);
            let body: Value = response.json().await.expect("JSON");
            assert_eq!(
                body,
                json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})
            );
        }
        refused(
            registry.get("/v2/a/referrers/sha256:short").await,
            400,
            "DIGEST_INVALID",
        )
        .await;
        let reference = json!({"mediaType": IMAGE, "digest": subject, "size": 5});
        let mut signature = registry.image("a", b"signature").await;
        signature["subject"] = reference.clone();
        signature["artifactType"] = json!("application/vnd.signature");
        signature["annotations"] = json!({"who": "me"});
        let mut report = registry.image("a", b"report").await;
        report["subject"] = reference.clone();
        let index =
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": reference});
        for (tag, media_type, body) in [
            ("s", IMAGE, &signature),
            ("r", IMAGE, &report),
            ("i", INDEX, &index),
        ] {
            let response = registry
                .put_manifest("a", tag, media_type, body.to_string())
                .await;
            assert_eq!(response.status(), StatusCode::CREATED);
        }
        let all = registry.json(&format!("/v2/a/referrers/{subject}")).await;
        assert_eq!(
            all["manifests"][0]["artifactType"],
            "application/vnd.signature"
        );
        assert_eq!(all["manifests"][0]["annotations"], json!({"who": "me"}));
        assert_eq!(all["manifests"][0]["size"], signature.to_string().len());
        assert_eq!(
            all["manifests"][1]["artifactType"],
            "application/vnd.oci.empty.v1+json"
        );
        assert!(all["manifests"][2].get("artifactType").is_none());
        let filtered = format!("/v2/a/referrers/{subject}?artifactType=application/vnd.signature");
        let filtered = registry.get(&filtered).await;
        assert_eq!(
            header(filtered.headers(), "oci-filters-applied"),
            "artifactType"
        );
        let filtered: Value = filtered.json().await.expect("JSON");
        assert_eq!(filtered["manifests"].as_array().expect("a list").len(), 1);
        let page = registry
            .get(&format!("/v2/a/referrers/{subject}?n=2"))
            .await;
        let next = next_page(&page);
        let rest = registry.get(&next).await;
        assert!(!rest.headers().contains_key("link"));
        let rest: Value = rest.json().await.expect("JSON");
        assert_eq!(rest["manifests"][0], all["manifests"][2]);
    })
    .await;
}

#[tokio::test]
async fn rule_14_pages_keep_the_filter_and_give_everything_once() {
    on_each_backend(async |registry| {
        let subject = registry.push_image("a", "v1", b"layer").await;
        for number in 0..7 {
            let kind = if number % 2 == 0 { "even" } else { "odd" };
            let mut manifest = registry.image("a", b"note").await;
            manifest["subject"] = json!({"mediaType": IMAGE, "digest": subject, "size": 5});
            manifest["artifactType"] = json!(format!("application/vnd.{kind}"));
            manifest["annotations"] = json!({"number": number.to_string()});
            let target = sha256(manifest.to_string());
            let response = registry
                .put_manifest("a", &target, IMAGE, manifest.to_string())
                .await;
            assert_eq!(response.status(), StatusCode::CREATED);
        }
        let mut path = format!("/v2/a/referrers/{subject}?artifactType=application%2Fvnd.even&n=3");
        let mut numbers = Vec::new();
        loop {
            let page = registry.get(&path).await;
            let applied = header(page.headers(), "oci-filters-applied");
            assert_eq!(applied, "artifactType");
            let next = page
                .headers()
                .contains_key("link")
                .then(|| next_page(&page));
            let index: Value = page.json().await.expect("JSON");
            for entry in index["manifests"].as_array().expect("a list") {
                numbers.push(entry["annotations"]["number"].as_str().map(str::to_owned));
            }
            let Some(next) = next else { break };
            path = next;
        }
        let numbers: Vec<_> = numbers.into_iter().flatten().collect();
        assert_eq!(numbers, ["0", "2", "4", "6"]);
    })
    .await;
}

#[tokio::test]
async fn rule_14_the_list_under_the_fallback_tag_counts_as_well() {
    on_each_backend(async |registry| {
        let subject = registry.push_image("a", "v1", b"layer").await;
        let about = |subject: &str| json!({"mediaType": IMAGE, "digest": subject, "size": 5});
        let mut with_subject = registry.image("a", b"one").await;
        with_subject["subject"] = about(&subject);
        let mut elsewhere = registry.image("a", b"two").await;
        elsewhere["subject"] = about(&sha256(b"something else"));
        let mut listed_only = registry.image("a", b"three").await;
        listed_only["artifactType"] = json!("application/vnd.listed");
        let mut entries = Vec::new();
        for manifest in [&with_subject, &elsewhere, &listed_only] {
            let body = manifest.to_string();
            let digest = sha256(&body);
            registry
                .put_manifest("a", &digest, IMAGE, body.clone())
                .await;
            entries.push(json!({"mediaType": IMAGE, "digest": digest, "size": body.len()}));
        }
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let tag = subject.replace(':', "-");
        let response = registry
            .put_manifest("a", &tag, INDEX, list.to_string())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let digests = async |query: &str| {
            let index = registry
                .json(&format!("/v2/a/referrers/{subject}{query}"))
                .await;
            let entries = index["manifests"].as_array().expect("a list").iter();
            entries
                .map(|entry| entry["digest"].clone())
                .collect::<Vec<_>>()
        };
        let (first, listed) = (entries[0]["digest"].clone(), entries[2]["digest"].clone());
        // Each once, and nothing that is about something else.
        assert_eq!(digests("").await, [first.clone(), listed.clone()]);
        assert_eq!(digests("?n=1").await, [first]);
        let filter = "?artifactType=application/vnd.listed";
        assert_eq!(digests(filter).await, [listed]);
        assert_eq!(
            registry
                .delete(&format!("/v2/a/manifests/{tag}"))
                .await
                .status(),
            StatusCode::ACCEPTED
        );
        assert_eq!(digests(filter).await, [] as [Value; 0]);
    })
    .await;
}

#[tokio::test]
async fn rule_14_the_fallback_tag_of_sha512_is_cut() {
    on_each_backend(async |registry| {
        let subject = format!("sha512:{}", "ab".repeat(64));
        let digest = registry.push_image("a", "note", b"layer").await;
        let entry = json!({"mediaType": IMAGE, "digest": digest, "size": 5});
        let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
        let tag = format!("sha512-{}", "ab".repeat(32));
        let response = registry
            .put_manifest("a", &tag, INDEX, list.to_string())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let index = registry.json(&format!("/v2/a/referrers/{subject}")).await;
        assert_eq!(index["manifests"][0]["digest"], digest);
    })
    .await;
}

/// The target of `Link: <…>; rel="next"`.
fn next_page(page: &reqwest::Response) -> String {
    let link = header(page.headers(), "link");
    let target = link
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    target.expect("a link to the next page").to_owned()
}
