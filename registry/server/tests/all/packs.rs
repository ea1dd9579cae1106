//! The catalog: packs pushed as ORAS pushes them, profiles, admission, immutable versions.

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_pack::Digest;
use registry_server::Admission;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{IMAGE, Registry, header, refused};

const VALUES: &str = "# kept as it is\npack:\n  namespace: demo\n";

fn archive(name: &str, version: &str, layer: &str) -> Vec<u8> {
    let manifest = json!({
        "name": name, "displayName": "A Demo", "version": version, "layer": layer,
        "cloudTypes": ["all"], "addonType": "system app", "annotations": {"source": "community"},
    });
    let files = [
        (
            "pack.json",
            serde_json::to_string_pretty(&manifest).expect("JSON"),
        ),
        ("values.yaml", VALUES.to_owned()),
        ("README.md", "# Demo\n".to_owned()),
    ];
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(text.len() as u64);
        entry.set_mode(0o644);
        entry.set_cksum();
        tar.append_data(&mut entry, format!("any-folder/{path}"), text.as_bytes())
            .expect("an entry");
    }
    tar.into_inner()
        .expect("a tar")
        .finish()
        .expect("an archive")
}

/// The manifest that `oras push` makes: in its 1.0 form, or in the one since 1.1.
fn manifest(archive: &[u8], title: &str, form: &str) -> Value {
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": Digest::sha256(archive), "size": archive.len(),
        "annotations": {"org.opencontainers.image.title": title},
    });
    let config_type = match form {
        "1.0" => "application/vnd.unknown.config.v1+json",
        _ => "application/vnd.oci.empty.v1+json",
    };
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE,
        "config": {"mediaType": config_type, "digest": Digest::sha256(b"{}"), "size": 2},
        "layers": [layer],
    });
    if form != "1.0" {
        manifest["artifactType"] = json!("application/vnd.unknown.artifact.v1");
    }
    manifest
}

async fn push(
    registry: &Registry,
    name: &str,
    version: &str,
    archive: &[u8],
    form: &str,
) -> Response {
    let repository = format!("library/spectro-packs/archive/{name}");
    registry.push_blob(&repository, b"{}").await;
    registry.push_blob(&repository, archive).await;
    let manifest = manifest(archive, &format!("{name}-{version}.tar.gz"), form);
    registry
        .put_manifest(&repository, version, IMAGE, manifest.to_string())
        .await
}

#[tokio::test]
async fn a_pack_is_listed_as_soon_as_its_push_is_acknowledged() {
    let registry = Registry::start().await;
    for (name, form) in [("demo-old", "1.0"), ("demo-new", "1.1")] {
        let bytes = archive(name, "1.2.3", "addon");
        let response = push(&registry, name, "1.2.3", &bytes, form).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let digest = header(response.headers(), "docker-content-digest");
        let list = registry.json(&format!("/api/v1/packs?name={name}")).await;
        let pack = &list["packs"][0];
        assert_eq!(pack["project"], "library");
        assert_eq!(
            (&pack["name"], &pack["version"], &pack["layer"]),
            (&json!(name), &json!("1.2.3"), &json!("addon"))
        );
        assert_eq!(pack["displayName"], "A Demo");
        assert_eq!(pack["cloudTypes"], json!(["all"]));
        assert_eq!(pack["annotations"], json!({"source": "community"}));
        assert_eq!(pack["digest"], digest);
        assert_eq!(
            pack["archive"],
            json!({"digest": Digest::sha256(&bytes), "size": bytes.len()})
        );
        assert!(pack["pushedAt"].as_str().expect("a time").ends_with('Z'));
        let details = registry
            .json(&format!("/api/v1/packs/library/{name}/1.2.3"))
            .await;
        assert_eq!(details["values"], VALUES);
        assert_eq!(details["readme"], "# Demo\n");
        assert_eq!(details["presets"], Value::Null);
        assert!(details["findings"].is_array());
    }
    let registry = registry.restart().await;
    assert_eq!(
        registry.json("/api/v1/packs").await["packs"]
            .as_array()
            .expect("a list")
            .len(),
        2
    );
}

#[tokio::test]
async fn packs_come_in_pages_and_by_filter() {
    let registry = Registry::start().await;
    for (name, layer) in [("a", "cni"), ("b", "addon"), ("c", "addon")] {
        push(
            &registry,
            name,
            "1.0.0",
            &archive(name, "1.0.0", layer),
            "1.0",
        )
        .await;
    }
    let page = registry.json("/api/v1/packs?limit=2").await;
    assert_eq!(page["next"], "library/b/1.0.0");
    let rest = registry
        .json("/api/v1/packs?limit=2&last=library/b/1.0.0")
        .await;
    assert_eq!(
        (&rest["packs"][0]["name"], &rest["next"]),
        (&json!("c"), &Value::Null)
    );
    let addons = registry
        .json("/api/v1/packs?layer=addon&project=library")
        .await;
    assert_eq!(addons["packs"].as_array().expect("a list").len(), 2);
    assert_eq!(
        registry.json("/api/v1/packs?project=other").await["packs"],
        json!([])
    );
    let bad = registry.get("/api/v1/packs?last=nonsense").await;
    assert_eq!(
        header(bad.headers(), "content-type"),
        "application/problem+json"
    );
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        registry.get("/api/v1/packs?limit=x").await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        registry.get("/api/v1/packs/library/a/9").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_published_version_stays_what_it_is() {
    let registry = Registry::start().await;
    let first = archive("demo", "1.0.0", "addon");
    let other = archive("demo", "1.0.0", "csi");
    assert_eq!(
        push(&registry, "demo", "1.0.0", &first, "1.0")
            .await
            .status(),
        StatusCode::CREATED
    );
    assert_eq!(
        push(&registry, "demo", "1.0.0", &first, "1.0")
            .await
            .status(),
        StatusCode::CREATED
    );
    let published = manifest(&first, "demo-1.0.0.tar.gz", "1.0").to_string();
    let text = refused(
        push(&registry, "demo", "1.0.0", &other, "1.0").await,
        409,
        "DENIED",
    )
    .await;
    assert!(
        text.contains(Digest::sha256(published.as_bytes()).as_str()),
        "{text}"
    );
    assert_eq!(
        registry.json("/api/v1/packs").await["packs"][0]["layer"],
        "addon"
    );
    let repository = "library/spectro-packs/archive/demo"
        .parse()
        .expect("a name");
    registry
        .state
        .store()
        .set_immutable_tags(&repository, Some(false))
        .await
        .expect("set");
    assert_eq!(
        push(&registry, "demo", "1.0.0", &other, "1.0")
            .await
            .status(),
        StatusCode::CREATED
    );
    assert_eq!(
        registry.json("/api/v1/packs").await["packs"][0]["layer"],
        "csi"
    );
}

#[tokio::test]
async fn parent_tags_follow_the_newest_version() {
    let registry = Registry::start().await;
    let path = "/v2/library/spectro-packs/archive/demo";
    let digest_of = async |tag: &str| {
        let response = registry.head(&format!("{path}/manifests/{tag}")).await;
        response
            .headers()
            .get("docker-content-digest")
            .map(|value| value.to_str().expect("text").to_owned())
    };
    for version in ["1.34.9", "1.34.10", "1.33.5", "1.35.0-rc.1"] {
        push(
            &registry,
            "demo",
            version,
            &archive("demo", version, "addon"),
            "1.0",
        )
        .await;
    }
    let tags = registry.json(&format!("{path}/tags/list")).await;
    let expected = [
        "1.33.5",
        "1.33.x",
        "1.34.10",
        "1.34.9",
        "1.34.x",
        "1.35.0-rc.1",
        "1.35.x",
        "1.x",
    ];
    assert_eq!(tags["tags"], json!(expected));
    assert_eq!(digest_of("1.34.x").await, digest_of("1.34.10").await);
    assert_eq!(digest_of("1.x").await, digest_of("1.34.10").await);
    assert_eq!(digest_of("1.35.x").await, digest_of("1.35.0-rc.1").await);
    refused(
        registry.delete(&format!("{path}/manifests/1.x")).await,
        409,
        "DENIED",
    )
    .await;
    let other = archive("demo", "1.x", "addon");
    refused(
        push(&registry, "demo", "1.x", &other, "1.0").await,
        409,
        "DENIED",
    )
    .await;
    registry.delete(&format!("{path}/manifests/1.34.10")).await;
    assert_eq!(digest_of("1.34.x").await, digest_of("1.34.9").await);
    let digest = digest_of("1.34.9").await.expect("a digest");
    registry.delete(&format!("{path}/manifests/{digest}")).await;
    assert_eq!(digest_of("1.34.x").await, None);
    assert_eq!(digest_of("1.x").await, digest_of("1.33.5").await);
    let list = registry.json("/api/v1/packs?name=demo").await;
    assert_eq!(list["packs"].as_array().expect("a list").len(), 2);
}

#[tokio::test]
async fn what_lies_beside_packs_is_no_pack() {
    let registry = Registry::start_with(|config| config.admission = Admission::Enforce).await;
    let repository = "library/spectro-packs/archive/demo";
    let pack = archive("demo", "1.0.0", "addon");
    assert_eq!(
        push(&registry, "demo", "1.0.0", &pack, "1.0")
            .await
            .status(),
        StatusCode::CREATED
    );
    let signature = registry
        .push_image(repository, "sha256-abc.sig", b"one")
        .await;
    assert_ne!(
        signature,
        registry
            .push_image(repository, "sha256-abc.sig", b"two")
            .await
    );
    let mut bundle = registry.image(repository, b"binary").await;
    bundle["subject"] = json!({"mediaType": IMAGE, "digest": signature, "size": 3});
    bundle["layers"][0]["annotations"] = json!({"org.opencontainers.image.title": "images.tar.gz"});
    let response = registry
        .put_manifest(repository, "bundle", IMAGE, bundle.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let list = registry.json("/api/v1/packs").await;
    assert_eq!(list["packs"].as_array().expect("a list").len(), 1);
    assert_eq!(
        registry
            .push_image("library/other", "1.0.0", &pack)
            .await
            .as_str()
            .len(),
        71
    );
}

#[tokio::test]
async fn admission_decides_about_packs_with_errors() {
    let wrong_version = archive("demo", "2.0.0", "addon");
    let garbage = b"this is no archive".to_vec();
    let mut bomb = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut entry = tar::Header::new_gnu();
    entry.set_size(64 << 20);
    entry.set_cksum();
    bomb.append_data(&mut entry, "demo/zeros", &vec![0; 64 << 20][..])
        .expect("an entry");
    let bomb = bomb
        .into_inner()
        .expect("a tar")
        .finish()
        .expect("an archive");
    for admission in [Admission::Off, Admission::Warn, Admission::Enforce] {
        let registry = Registry::start_with(|config| config.admission = admission).await;
        for (bytes, listed) in [(&wrong_version, 1), (&garbage, 0), (&bomb, 0)] {
            let response = push(&registry, "demo", "1.0.0", bytes, "1.0").await;
            let warned = response.headers().contains_key("warning");
            assert_eq!(warned, admission == Admission::Warn);
            let list = registry.json("/api/v1/packs").await;
            if admission == Admission::Enforce {
                refused(response, 422, "MANIFEST_INVALID").await;
                assert_eq!(list["packs"], json!([]));
                continue;
            }
            assert_eq!(response.status(), StatusCode::CREATED);
            assert_eq!(list["packs"].as_array().expect("a list").len(), listed);
            if listed == 1 {
                assert_eq!(list["packs"][0]["lint"]["errors"], 1);
                registry
                    .delete("/v2/library/spectro-packs/archive/demo/manifests/1.0.0")
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn profiles_are_listed_like_packs() {
    let registry = Registry::start().await;
    let text = json!({
        "metadata": {"name": "demo", "description": "For tests", "labels": {"a": "b"}},
        "spec": {"version": "1.0.0", "template": {"type": "infra", "cloudType": "libvirt", "packs": [
            {"name": "debian", "type": "spectro", "layer": "os", "version": "13", "tag": "13", "values": ""},
        ]}, "variables": []},
    })
    .to_string();
    let repository = "library/profiles/demo";
    registry.push_blob(repository, b"{}").await;
    registry.push_blob(repository, text.as_bytes()).await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.packyard.profile.v1",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/vnd.packyard.profile.v1+json",
                    "digest": Digest::sha256(text.as_bytes()), "size": text.len()}],
    });
    let response = registry
        .put_manifest(repository, "1.0.0", IMAGE, manifest.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED, "{response:?}");
    let list = registry.json("/api/v1/profiles?project=library").await;
    let profile = &list["profiles"][0];
    assert_eq!(
        (&profile["name"], &profile["version"]),
        (&json!("demo"), &json!("1.0.0"))
    );
    assert_eq!(
        (&profile["kind"], &profile["cloudType"]),
        (&json!("infra"), &json!("libvirt"))
    );
    assert_eq!(
        profile["packs"][0],
        json!({"name": "debian", "layer": "os", "version": "13", "tag": "13"})
    );
    assert!(
        profile["lint"]["errors"].as_u64().expect("a number") > 0,
        "it has no Kubernetes layer"
    );
    let details = registry.json("/api/v1/profiles/library/demo/1.0.0").await;
    assert_eq!(details["document"], text);
    assert_eq!(
        registry
            .get("/api/v1/profiles/library/none/1")
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}

#[test]
fn the_description_names_every_path_of_this_api() {
    let document = registry_server::openapi();
    let paths: Vec<_> = document.paths.paths.keys().cloned().collect();
    assert_eq!(
        paths,
        [
            "/api/v1/admin/fsck",
            "/api/v1/admin/gc",
            "/api/v1/packs",
            "/api/v1/packs/{project}/{name}/{version}",
            "/api/v1/profiles",
            "/api/v1/profiles/{project}/{name}/{version}",
        ]
    );
}
