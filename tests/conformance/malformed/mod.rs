//! A thousand requests with something wrong in each, made from the specification's
//! endpoints: every one is answered with one of its codes, and none with a 5xx.
//!
//! They are the same ones on every run. All are proper HTTP, so that they reach the
//! registry; what is no HTTP at all is the listener's business.

mod dice;
mod manifests;
mod request;
mod targets;

use serde_json::Value;

use self::dice::Dice;
use self::manifests::{mutated_manifest, wrong_manifest};
use self::request::Request;
use self::targets::{
    wrong_chunk, wrong_digest, wrong_method, wrong_name, wrong_path, wrong_query, wrong_tag,
};
use crate::support::{Registry, on_each_backend};

const REQUESTS: usize = 1000;
const SEED: u64 = 20_260_716;

/// The codes of the specification, "Error Codes".
const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

#[tokio::test]
async fn a_thousand_malformed_requests_get_a_code_each() {
    on_each_backend(async |registry| {
        registry.push_image("a", "v1", b"layer").await;
        let upload = registry.begin("a").await;
        let mut dice = Dice(SEED);
        for number in 0..REQUESTS {
            let request = malformed(&mut dice, &upload);
            check(&registry, number, &request).await;
        }
        let image = registry.get("/v2/a/manifests/v1").await;
        assert_eq!(image.status(), 200, "what was there is still there");
    })
    .await;
}

async fn check(registry: &Registry, number: usize, request: &Request) {
    let answer = registry.raw(&request.bytes()).await;
    let told = || format!("request {number}: {request:?}\n{answer}");
    let status: u16 = answer
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no status line; {}", told()));
    assert!((400..500).contains(&status), "{}", told());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}; {}", told()));
    let errors = body["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", told()));
    assert!(!errors.is_empty(), "{}", told());
    for error in errors {
        let code = error["code"].as_str().unwrap_or_default();
        assert!(CODES.contains(&code), "{}", told());
        assert!(error["message"].is_string(), "{}", told());
    }
}

/// One request, wrong in one way.
fn malformed(dice: &mut Dice, upload: &str) -> Request {
    match dice.roll(9) {
        0 => wrong_name(dice),
        1 => wrong_digest(dice),
        2 => wrong_tag(dice),
        3 => wrong_query(dice, upload),
        4 => wrong_chunk(dice, upload),
        5 => wrong_method(dice, upload),
        6 => wrong_path(dice),
        7 => wrong_manifest(dice),
        _ => mutated_manifest(dice),
    }
}
