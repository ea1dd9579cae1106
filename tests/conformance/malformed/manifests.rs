//! Requests whose body is no manifest, or one that must be refused.

use serde_json::json;

use super::dice::Dice;
use super::request::Request;
use crate::support::{IMAGE, INDEX, sha256};

pub(super) fn wrong_manifest(dice: &mut Dice) -> Request {
    let missing = json!({"mediaType": IMAGE, "digest": sha256("missing"), "size": 7});
    let deep = format!("{{\"schemaVersion\":2,\"x\":{}", "[".repeat(2000));
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "0",
        "\"\"",
        "{}",
        "\u{feff}{}",
        "{\"schemaVersion\":2}",
        "{\"schemaVersion\":1,\"config\":{},\"layers\":[]}",
        "{\"schemaVersion\":2e400,\"manifests\":[]}",
        "{\"schemaVersion\":2,\"manifests\":[],\"config\":null,\"layers\":[]}",
        "{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}",
        "{\"schemaVersion\":2,\"manifests\":{}}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"x\",\"size\":1}]}",
        "{\"schemaVersion\":2,\"manifests\":[{\"size\":-1}]}",
        "{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"manifests\":[]}",
        deep.as_str(),
    ];
    let references = [
        json!({"schemaVersion": 2, "config": missing, "layers": []}).to_string(),
        json!({"schemaVersion": 2, "manifests": [missing]}).to_string(),
    ];
    let (body, media_type) = match dice.roll(10) {
        0 => (references[0].as_str(), IMAGE),
        1 => (references[1].as_str(), INDEX),
        2 => (*dice.pick(&bodies), "text/plain"),
        3 => (*dice.pick(&bodies), IMAGE),
        // An empty index is a good one; under this name nothing is.
        4 => ("{\"schemaVersion\":2,\"manifests\":[]}", "application/json"),
        _ => (*dice.pick(&bodies), INDEX),
    };
    let request = Request::new("PUT", "/v2/a/manifests/bad".to_owned());
    request.header("Content-Type", media_type).body(body)
}

/// A manifest whose blobs are not there, with some bytes changed: good or bad, it is refused.
pub(super) fn mutated_manifest(dice: &mut Dice) -> Request {
    let descriptor = |content: &str| json!({"digest": sha256(content), "size": content.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "config": descriptor("none"),
        "layers": [descriptor("neither")], "annotations": {"a": "b"},
    });
    let mut bytes = manifest.to_string().into_bytes();
    for _ in 0..=dice.roll(4) {
        if bytes.len() < 2 {
            break;
        }
        let at = dice.roll(bytes.len());
        match dice.roll(3) {
            0 => bytes[at] = u8::try_from(dice.roll(256)).unwrap_or(0),
            1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    let request = Request::new("PUT", "/v2/a/manifests/mutated".to_owned());
    request.header("Content-Type", IMAGE).body(bytes)
}
