//! Lists that come in pages, and servers that do not know them.

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use http::StatusCode;
use registry_pack::Digest;

use crate::server::{client, repository, serve};

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let handler = |request: Request| async move {
        match request.uri().query() {
            None => {
                let next = "</v2/library/x/tags/list?last=b>; rel=\"next\"";
                ([("link", next)], r#"{"name":"library/x","tags":["a","b"]}"#).into_response()
            }
            Some(_) => r#"{"name":"library/x","tags":["c"]}"#.into_response(),
        }
    };
    let server = serve(Router::new().fallback(handler)).await;
    assert_eq!(
        client(&server, None)
            .tags(&repository())
            .await
            .expect("tags"),
        ["a", "b", "c"]
    );
}

#[tokio::test]
async fn a_page_on_another_host_is_not_followed() {
    let handler = || async {
        let next = "<https://evil.example/v2/library/x/tags/list?last=b>; rel=\"next\"";
        ([("link", next)], r#"{"name":"library/x","tags":["a"]}"#)
    };
    let server = serve(Router::new().fallback(handler)).await;
    assert_eq!(
        client(&server, None)
            .tags(&repository())
            .await
            .expect("tags"),
        ["a"]
    );
}

#[tokio::test]
async fn referrers_are_found_with_and_without_the_api() {
    let subject = Digest::sha256(b"subject");
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{0}","size":3,"artifactType":"a/b"}},
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{0}","size":3,"artifactType":"c/d"}}]}}"#,
        Digest::sha256(b"one")
    );
    for has_api in [true, false] {
        let index = index.clone();
        let handler = move |request: Request| async move {
            let wanted = if has_api {
                "/referrers/"
            } else {
                "/manifests/sha256-"
            };
            match request.uri().path().contains(wanted) {
                true => index.into_response(),
                false => StatusCode::NOT_FOUND.into_response(),
            }
        };
        let client = client(&serve(Router::new().fallback(handler)).await, None);
        let all = client
            .referrers(&repository(), &subject, None)
            .await
            .expect("referrers");
        assert_eq!(all.len(), 2);
        let some = client
            .referrers(&repository(), &subject, Some("c/d"))
            .await
            .expect("referrers");
        assert_eq!(some.len(), 1, "a server may ignore the filter");
    }
}
