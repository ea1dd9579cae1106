//! Where an image comes from, as an in-toto statement with SLSA provenance v1.

use imagebuilder_api::BuildView;
use registry_pack::Digest;
use serde_json::{Value, json};

use crate::registry::Descriptor;
use crate::resolve::Resolved;

/// The statement about the disk file and the artifact that holds it.
pub(crate) fn statement(
    resolved: &Resolved,
    view: &BuildView,
    disk: &Digest,
    image: &Descriptor,
) -> Value {
    let digest = |digest: &Digest| json!({digest.algorithm().as_str(): digest.hex()});
    let mut materials: Vec<Value> = resolved
        .packs
        .iter()
        .map(|pack| {
            let source = &pack.source;
            json!({"name": pack.name, "uri": format!("oci:{}", source.repository), "digest": digest(&source.manifest.digest)})
        })
        .collect();
    materials.push(json!({
        "name": resolved.base.name,
        "uri": format!("oci:{}", resolved.base.repository),
        "digest": digest(&resolved.base.disk.digest),
    }));
    materials.extend(resolved.components.iter().filter_map(|component| {
        let sha256 = component.sha256.as_ref()?;
        Some(json!({"name": format!("{} {}", component.name, component.version), "digest": {"sha256": sha256}}))
    }));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "disk", "digest": digest(disk)},
            {"name": view.signature, "digest": digest(&image.digest)},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://packyard.io/image/v1",
                "externalParameters": view.request,
                "internalParameters": {"signature": view.signature, "kubernetes": resolved.kubernetes_pack().name},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": "https://packyard.io/builder", "version": {"packyard": env!("CARGO_PKG_VERSION")}},
                "metadata": {"invocationId": view.id, "startedOn": view.started_at.unwrap_or(view.created_at)},
            },
        },
    })
}
