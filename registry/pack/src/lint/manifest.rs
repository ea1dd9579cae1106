//! `pack.json`: schema, name, version, the files that it names.

use super::context::Context;
use super::{Finding, rules};
use crate::Tag;
use crate::manifest::{FILE as PACK_JSON, schema};

pub(super) fn check(context: &mut Context<'_>) {
    schema_rules(context);
    version(context);
    folder(context);
    manifests(context);
}

/// What blocks was an error when the file was parsed; here is the rest.
fn schema_rules(context: &mut Context<'_>) {
    let Ok(value) = serde_json::from_str(context.manifest().raw.trim_start_matches('\u{feff}'))
    else {
        return;
    };
    let complaints = schema::check(&value, PACK_JSON, context.places());
    context
        .findings
        .extend(complaints.into_iter().map(|complaint| complaint.finding));
}

fn version(context: &mut Context<'_>) {
    let version = context.manifest().version.as_str();
    let bare = version.trim_start_matches(['v', 'V']);
    if bare != version && bare.starts_with(|c: char| c.is_ascii_digit()) {
        let finding = context.error(
            rules::VERSION_LEADING_V,
            "version",
            format!("{version:?} begins with a letter"),
        );
        context.push(finding, format!("write \"{bare}\""));
    }
    if let Err(error) = version.parse::<Tag>() {
        let message = format!("{version:?} cannot be a tag: it {}", error.why());
        let finding = context.error(rules::VERSION, "version", message);
        context.push(finding, error.remedy());
    }
}

/// A folder may be called anything, but one that seems to say another name or
/// version misleads people: identity is what `pack.json` says.
fn folder(context: &mut Context<'_>) {
    let manifest = context.manifest();
    let (name, version) = (manifest.name.as_str(), manifest.version.as_str());
    let folder = context.pack.folder.as_str();
    let rest = folder
        .strip_prefix(name)
        .map(|rest| rest.trim_start_matches(['-', '_']));
    let bare = |text: &str| text.trim_start_matches('v').to_owned();
    let is_version = |text: &str| {
        let version = bare(version);
        let rest = version.strip_prefix(&bare(text));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    };
    let honest = rest.is_some_and(|rest| rest.is_empty() || is_version(rest)) || is_version(folder);
    if folder.is_empty() || honest {
        return;
    }
    let message = format!("the folder is called {folder:?}, the pack is {name} {version}");
    let finding = Finding::warning(rules::FOLDER_NAME, PACK_JSON, message);
    let finding = finding.key("name").at(context.places().get("name"));
    context.push(
        finding,
        format!("call the folder {name}-{version}; what counts is pack.json"),
    );
}

fn manifests(context: &mut Context<'_>) {
    for (index, path) in context.manifest().kube_manifests.iter().enumerate() {
        let key = format!("kubeManifests[{index}]");
        if let Some(path) = inside(context, &key, path)
            && context.pack.file(&path).is_none()
        {
            let message = format!("names {path}, which is not in the pack");
            let finding = context.error(rules::MISSING_MANIFEST, &key, message);
            context.push(finding, "add the file, or remove the entry");
        }
    }
}

/// The path as it is listed in the pack; None, with a finding, if it leads out.
pub(super) fn inside(context: &mut Context<'_>, key: &str, path: &str) -> Option<String> {
    match crate::archive::paths::parts(path.as_bytes()) {
        Ok(parts) if !parts.is_empty() => Some(parts.join("/")),
        _ => {
            let finding = context.error(
                rules::PATH_OUTSIDE,
                key,
                format!("{path:?} is no path inside the pack"),
            );
            context.push(
                finding,
                "write a path relative to pack.json, with / and without ..",
            );
            None
        }
    }
}
