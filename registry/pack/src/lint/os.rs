//! Operating systems: the annotations that say which image to start from.

use super::context::Context;
use super::rules;
use crate::Layer;

/// Azure names an image by three words instead of one id.
const AZURE: [&str; 3] = ["imageOffer", "imagePublisher", "imageSKU"];

pub(super) fn check(context: &mut Context<'_>) {
    let manifest = context.manifest();
    if manifest.layer != Layer::Os {
        return;
    }
    let filled = |key: &str| {
        manifest
            .annotations
            .get(key)
            .is_some_and(|value| !value.trim().is_empty())
    };
    if !filled("imageId") && !AZURE.iter().all(|key| filled(key)) && !has_override(context) {
        let finding = context.error(rules::OS_ANNOTATION, "annotations.imageId", "is missing");
        let remedy =
            "name the image to start from (Azure: imageOffer, imagePublisher and imageSKU)";
        context.push(finding, remedy);
    }
    let skips = manifest.skip_k8s_install();
    // Where nothing is built, nobody logs in.
    let builds = !matches!(skips, Ok(true)) || !manifest.ansible_roles.is_empty();
    if builds && !filled("sshUsername") {
        let finding = context.error(
            rules::OS_ANNOTATION,
            "annotations.sshUsername",
            "is missing",
        );
        context.push(finding, "name the user of the image, such as \"debian\"");
    }
    if !filled("osName") {
        let finding = context.warning(rules::OS_ANNOTATION, "annotations.osName", "is missing");
        context.push(finding, "name the operating system, such as \"debian\"");
    }
    let key = "annotations.skipK8sInstall";
    match manifest.annotations.get("skipK8sInstall") {
        None => {
            let message = "is missing, which means \"false\": Kubernetes is installed";
            let finding = context.warning(rules::OS_SKIP_K8S_INSTALL, key, message);
            context.push(finding, "write \"true\" or \"false\", as a string");
        }
        Some(value) if skips.is_err() => {
            let finding = context.error(rules::OS_SKIP_K8S_INSTALL, key, format!("is {value:?}"));
            context.push(finding, "write \"true\" or \"false\", as a string");
        }
        Some(_) => {}
    }
}

/// "Bring your own OS" packs name the image in their values.
fn has_override(context: &Context<'_>) -> bool {
    let values = context.values.as_ref();
    values
        .and_then(|values| values.path(&["pack", "osImageOverride"]))
        .is_some()
}
