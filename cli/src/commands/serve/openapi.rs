//! `/api/openapi.json`: the descriptions of both services as one document.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::{OpenApi, Server};

/// The route.
pub(super) fn router() -> Router {
    let document = serde_json::to_value(document()).unwrap_or_default();
    let document = Json(service::openapi::as_sent(document));
    Router::new().route(
        "/api/openapi.json",
        get(move || {
            let document = document.clone();
            async move { document }
        }),
    )
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
    use super::document;

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
}
