//! The route of a path, for counts and traces: names would be without number.

/// The route of a path under `/v2`; `None` for any other path. It does not check the path.
#[must_use]
pub fn route(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("/v2")?;
    let mut parts = rest.rsplit('/');
    let (last, noun) = (parts.next().unwrap_or_default(), parts.next());
    Some(match (noun, last) {
        (None | Some(""), "") => "/v2/",
        (_, "_catalog") => "/v2/_catalog",
        (Some("manifests"), _) => "/v2/{name}/manifests/{reference}",
        (Some("referrers"), _) => "/v2/{name}/referrers/{digest}",
        (Some("tags"), _) => "/v2/{name}/tags/list",
        (Some("blobs"), "uploads") | (Some("uploads"), "") => "/v2/{name}/blobs/uploads/",
        (Some("uploads"), _) => "/v2/{name}/blobs/uploads/{id}",
        (Some("blobs"), _) => "/v2/{name}/blobs/{digest}",
        _ => "/v2/{path}",
    })
}

#[cfg(test)]
mod tests {
    use super::route;

    #[test]
    fn a_route_has_no_names_in_it() {
        let cases = [
            ("/v2", "/v2/"),
            ("/v2/", "/v2/"),
            ("/v2/_catalog", "/v2/_catalog"),
            ("/v2/a/b/manifests/v1", "/v2/{name}/manifests/{reference}"),
            ("/v2/a/blobs/sha256:00", "/v2/{name}/blobs/{digest}"),
            ("/v2/a/blobs/uploads", "/v2/{name}/blobs/uploads/"),
            ("/v2/a/blobs/uploads/", "/v2/{name}/blobs/uploads/"),
            ("/v2/a/blobs/uploads/1", "/v2/{name}/blobs/uploads/{id}"),
            ("/v2/a/referrers/sha256:00", "/v2/{name}/referrers/{digest}"),
            ("/v2/a/tags/list", "/v2/{name}/tags/list"),
            ("/v2/a/b", "/v2/{path}"),
        ];
        for (path, expected) in cases {
            assert_eq!(route(path), Some(expected), "{path}");
        }
        assert_eq!(route("/api/v1/packs"), None);
    }
}
