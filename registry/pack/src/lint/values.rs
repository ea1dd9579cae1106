//! `values.yaml`: it is there, it parses, it lists the container images.

use super::context::Context;
use super::{Finding, rules};
use crate::Layer;

const FILE: &str = "values.yaml";

pub(super) fn check(context: &mut Context<'_>) {
    let Some(text) = context.pack.values.as_deref() else {
        let finding = Finding::error(rules::VALUES_MISSING, FILE, "the file is missing");
        context.push(finding, "add it; it may be empty");
        return;
    };
    let files = [
        (FILE, Some(text)),
        ("presets.yaml", context.pack.presets.as_deref()),
    ];
    for (file, text) in files
        .into_iter()
        .chain([("schema.yaml", context.pack.schema.as_deref())])
    {
        tabs(context, file, text.unwrap_or_default());
    }
    let Some(root) = context.yaml(rules::VALUES_SYNTAX, FILE, text) else {
        return;
    };
    if root.entries().is_none() && !root.is_empty() {
        let message = format!("the file is {}, not a mapping", root.kind());
        context.complain(
            rules::VALUES_SYNTAX,
            FILE,
            root.place,
            "(whole file)",
            message,
            "write `name: value` lines",
        );
        return;
    }
    images(context);
}

fn tabs(context: &mut Context<'_>, file: &str, text: &str) {
    let indented =
        |line: &str| line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty();
    let mut lines = (1u32..)
        .zip(text.lines())
        .filter(|(_, line)| indented(line));
    if let Some((line, _)) = lines.next() {
        let more = lines.count();
        let message = match more {
            0 => "this line is indented with a tab".to_owned(),
            _ => format!("this line and {more} more are indented with tabs"),
        };
        let mut finding = Finding::warning(rules::YAML_TAB, file, message);
        finding.line = Some(line);
        context.push(finding, "indent with spaces; YAML allows no tabs");
    }
}

/// Air-gapped sites mirror exactly the images that are listed here.
fn images(context: &mut Context<'_>) {
    let Some(values) = context.values.take() else {
        return;
    };
    let images = values.path(&["pack", "content", "images"]);
    let key = "pack.content.images";
    let has_own_images = !matches!(
        context.manifest().layer,
        Layer::Kernel | Layer::Os | Layer::K8s
    );
    match images {
        Some(node) if !node.is_empty() => {
            for (index, item) in node.items().unwrap_or_default().iter().enumerate() {
                if item.get("image").is_none_or(|image| image.is_empty()) {
                    let key = format!("{key}[{index}]");
                    let message = "has no `image`, so it is not mirrored";
                    context.complain(
                        rules::CONTENT_IMAGE_ENTRY,
                        FILE,
                        item.place,
                        &key,
                        message,
                        "write `image: REFERENCE`",
                    );
                }
            }
        }
        _ if has_own_images => {
            let message = "lists no images, so an air-gapped site mirrors none";
            let finding = Finding::warning(rules::CONTENT_IMAGES, FILE, message).key(key);
            context.push(finding, "list each container image as `- image: REFERENCE`");
        }
        _ => {}
    }
    context.values = Some(values);
}
