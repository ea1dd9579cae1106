//! `/api/openapi.json`: the descriptions of both services as one document.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::{OpenApi, Server};

/// The route.
pub(super) fn router() -> Router {
    let document = Json(described());
    Router::new().route(
        "/api/openapi.json",
        get(move || {
            let document = document.clone();
            async move { document }
        }),
    )
}

/// The document as it is sent. Numbers that cannot be negative are called `int32` and `int64`
/// by the library that writes it, which means half of what is taken; so they are called nothing.
fn described() -> Value {
    let mut value = serde_json::to_value(document()).unwrap_or_default();
    unsigned(&mut value);
    value
}

fn unsigned(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let signed = matches!(object.get("format"), Some(Value::String(format)) if format.starts_with("int"));
            if signed && object.get("minimum") == Some(&Value::from(0)) {
                object.remove("format");
            }
            object.values_mut().for_each(unsigned);
        }
        Value::Array(items) => items.iter_mut().for_each(unsigned),
        _ => {}
    }
}

fn document() -> OpenApi {
    let mut document = registry_server::openapi();
    document.merge(imagebuilder_server::openapi());
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    // Wherever a client found it, behind whatever proxy.
    document.servers = Some(vec![Server::new("/")]);
    document
}

#[cfg(test)]
mod tests {
    use super::{described, document};

    #[test]
    fn it_describes_both_services() {
        let document = document();
        for path in [
            "/api/v1/packs",
            "/api/v1/images",
            "/api/v1/builds/{id}/events",
        ] {
            assert!(document.paths.paths.contains_key(path), "{path} is missing");
        }
        let tags = document.tags.unwrap_or_default();
        for tag in ["packs", "images", "builds"] {
            assert!(tags.iter().any(|one| one.name == tag), "{tag} is missing");
        }
    }

    #[test]
    fn a_number_that_cannot_be_negative_has_no_signed_format() {
        let described = described().to_string();
        assert!(!described.contains("\"format\":\"int32\",\"minimum\":0"));
        assert!(described.contains("\"minimum\":0"));
    }
}
