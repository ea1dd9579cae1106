//! What all answers have in common: errors, names, locations, warnings (rules 17, 18, 21, 22).

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{IMAGE, header, on_each_backend, refused, sha256};

#[tokio::test]
async fn rule_17_errors_have_the_form_and_the_codes_of_the_specification() {
    on_each_backend(async |registry| {
        let none = sha256(b"none");
        let cases = [
            (
                Method::GET,
                "/v2/a/manifests/none".to_owned(),
                404,
                "MANIFEST_UNKNOWN",
            ),
            (
                Method::GET,
                format!("/v2/a/blobs/{none}"),
                404,
                "BLOB_UNKNOWN",
            ),
            (
                Method::GET,
                "/v2/a/blobs/sha256:x".to_owned(),
                400,
                "DIGEST_INVALID",
            ),
            (
                Method::GET,
                "/v2/a/tags/list".to_owned(),
                404,
                "NAME_UNKNOWN",
            ),
            (
                Method::GET,
                "/v2/A/tags/list".to_owned(),
                400,
                "NAME_INVALID",
            ),
            (
                Method::PATCH,
                "/v2/a/blobs/uploads/none".to_owned(),
                404,
                "BLOB_UPLOAD_UNKNOWN",
            ),
            (Method::GET, "/v2/nonsense".to_owned(), 404, "NAME_UNKNOWN"),
            (
                Method::PATCH,
                "/v2/a/manifests/v1".to_owned(),
                405,
                "UNSUPPORTED",
            ),
        ];
        for (method, path, status, code) in cases {
            let response = registry.send(method, &path).await;
            assert_eq!(
                header(response.headers(), "content-type"),
                "application/json",
                "{path}"
            );
            refused(response, status, code).await;
        }
    })
    .await;
}

#[tokio::test]
async fn rule_18_names_and_tags_follow_the_grammar() {
    on_each_backend(async |registry| {
        let long = "a".repeat(256);
        for name in [
            "A",
            "a//b",
            "a..b",
            "-a",
            "a-",
            "a/../b",
            "a___b",
            "a%20b",
            long.as_str(),
        ] {
            let answer = registry
            .raw(
                format!(
                    "POST /v2/{name}/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                     Content-Length: 0\r\n\r\n"
                )
                .as_bytes(),
            )
            .await;
            assert!(
                answer.starts_with("HTTP/1.1 400") && answer.contains("NAME_INVALID"),
                "{name}: {answer}"
            );
        }
        for name in [
            "a",
            "a/b",
            "a.b_c__d-e---f/0",
            "manifests/blobs/tags",
            "a/blobs/uploads/x",
        ] {
            let digest = registry.push_image(name, "v1", b"layer").await;
            let response = registry.get(&format!("/v2/{name}/manifests/v1")).await;
            assert_eq!(
                header(response.headers(), "docker-content-digest"),
                digest.as_str()
            );
        }
        let manifest = registry.image("a", b"layer").await.to_string();
        let (longest, longer) = ("t".repeat(128), "t".repeat(129));
        for (tag, good) in [
            (longest.as_str(), true),
            ("_A.b-c", true),
            (&longer, false),
            (".a", false),
            ("-a", false),
        ] {
            let response = registry
                .put_manifest("a", tag, IMAGE, manifest.clone())
                .await;
            if good {
                assert_eq!(response.status(), StatusCode::CREATED);
            } else {
                refused(response, 400, "MANIFEST_INVALID").await;
                let response = registry.get(&format!("/v2/a/manifests/{tag}")).await;
                refused(response, 404, "MANIFEST_UNKNOWN").await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rule_21_locations_are_relative_and_name_the_upload() {
    on_each_backend(async |registry| {
        let response = registry.send(Method::POST, "/v2/a/b/blobs/uploads/").await;
        let id = header(response.headers(), "docker-upload-uuid");
        assert_eq!(id.len(), 36);
        assert_eq!(
            header(response.headers(), "location"),
            format!("/v2/a/b/blobs/uploads/{id}")
        );
        let digest = sha256(b"x");
        let path = format!(
            "/v2/a/b/blobs/uploads/{id}?_state=something&digest={}",
            digest.as_str().replace(':', "%3A")
        );
        let response = registry
            .request(Method::PUT, &path)
            .body("x")
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            header(response.headers(), "location"),
            format!("/v2/a/b/blobs/{digest}")
        );
        let encoded = format!("/v2/a/b/blobs/{}", digest.as_str().replace(':', "%3A"));
        assert_eq!(registry.get(&encoded).await.status(), StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn rule_22_warnings_come_in_their_header() {
    on_each_backend(async |registry| {
        let mut pack = registry
            .image("p/spectro-packs/archive/x", b"no archive")
            .await;
        pack["layers"][0]["annotations"] =
            json!({"org.opencontainers.image.title": "x-1.0.0.tar.gz"});
        let response = registry
            .put_manifest(
                "p/spectro-packs/archive/x",
                "1.0.0",
                IMAGE,
                pack.to_string(),
            )
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let warning = header(response.headers(), "warning");
        assert!(
            warning.starts_with("299 - \"stored, but not listed as a pack:")
                && warning.ends_with('"')
        );
    })
    .await;
}

#[tokio::test]
async fn rule_22_a_deprecated_version_says_so_until_it_is_taken_back() {
    on_each_backend(async |registry| {
        let repository = "library/spectro-packs/archive/demo";
        let digest = registry.push_image(repository, "1.0.0", b"layer").await;
        registry.push_image(repository, "1.1.0", b"other").await;
        let warning = async |target: &str| {
            let path = format!("/v2/{repository}/manifests/{target}");
            let (get, head) = (registry.get(&path).await, registry.head(&path).await);
            let of = |response: &reqwest::Response| response.headers().get("warning").cloned();
            assert_eq!(of(&get), of(&head));
            of(&get).map(|value| value.to_str().expect("text").to_owned())
        };
        let packyard = async |arguments: &[&str]| {
            let ran = registry.server().run(arguments).expect("packyard runs");
            ran.ok().expect("it succeeds");
        };
        assert_eq!(warning("1.0.0").await, None);
        let reason = "it has a \"hole\"; use 1.1.0";
        packyard(&["pack", "deprecate", "demo:1.0.0", "--reason", reason]).await;
        let said = "is deprecated: it has a 'hole'; use 1.1.0\"";
        assert_eq!(
            warning("1.0.0").await,
            Some(format!("299 - \"{repository}:1.0.0 {said}"))
        );
        assert_eq!(
            warning(&digest).await,
            Some(format!("299 - \"{repository}@{digest} {said}"))
        );
        assert_eq!(warning("1.1.0").await, None);
        packyard(&["pack", "deprecate", "demo:1.0.0", "--undo"]).await;
        assert_eq!(warning("1.0.0").await, None);
    })
    .await;
}
