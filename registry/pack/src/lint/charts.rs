//! Charts: they are there, they can be read, their values reach them.

use super::context::Context;
use super::manifest::inside;
use super::{Finding, rules};
use crate::{Chart, Version};

pub(super) fn check(context: &mut Context<'_>) {
    let mut referenced = Vec::new();
    for (index, path) in context.manifest().charts.iter().enumerate() {
        let key = format!("charts[{index}]");
        if let Some(path) = inside(context, &key, path) {
            present(context, &key, &path);
            referenced.push((key, path));
        }
    }
    let charts: Vec<(&str, &str, &str)> = referenced
        .iter()
        .filter_map(|(key, path)| match context.pack.charts.get(path) {
            Some(Chart::Read { name, version }) => {
                Some((key.as_str(), name.as_str(), version.as_str()))
            }
            _ => None,
        })
        .collect();
    wiring(context, &charts);
    versions(context, &charts);
    unreferenced(context, &referenced);
}

fn present(context: &mut Context<'_>, key: &str, path: &str) {
    if context.pack.file(path).is_none() {
        let folder = path.rsplit_once('-').map_or(path, |(folder, _)| folder);
        let unpacked = context
            .pack
            .files
            .iter()
            .any(|file| file.path.starts_with(&format!("{folder}/")));
        let remedy = if unpacked {
            format!(
                "only the unpacked folder is there: run `helm package {folder}`, or remove the entry"
            )
        } else {
            "add the file, or remove the entry".to_owned()
        };
        let message = format!("names {path}, which is not in the pack");
        let finding = context.error(rules::MISSING_CHART, key, message);
        context.push(finding, remedy);
    } else if let Some(Chart::Unreadable(why)) = context.pack.charts.get(path) {
        let finding = context.error(
            rules::CHART_UNREADABLE,
            key,
            format!("{path} cannot be read: {why}"),
        );
        context.push(finding, "make it again with `helm package`");
    }
}

/// Values under another key than the chart's own name are silently ignored.
fn wiring(context: &mut Context<'_>, charts: &[(&str, &str, &str)]) {
    let Some(values) = context.values.take() else {
        return;
    };
    let place = values.get("charts").map(|node| node.place);
    for (_, name, _) in charts {
        let key = format!("charts.{name}");
        let (finding, remedy) = match values.path(&["charts", name]) {
            Some(node) if node.is_empty() => {
                let message = format!("is empty: the chart {name} runs with its own values");
                let finding = Finding::warning(rules::CHART_NOT_WIRED, "values.yaml", message);
                (
                    finding.at(Some(node.place)),
                    "write the values that should be visible and changeable",
                )
            }
            Some(node) if node.entries().is_none() => {
                let finding =
                    Finding::error(rules::CHART_NOT_WIRED, "values.yaml", "is not a mapping");
                (
                    finding.at(Some(node.place)),
                    "write one `name: value` per line below it",
                )
            }
            Some(_) => continue,
            None => {
                let message = format!("is missing: no value reaches the chart {name}");
                let finding = Finding::error(rules::CHART_NOT_WIRED, "values.yaml", message);
                (
                    finding.at(place),
                    "put the chart's values below this key; the name comes from its Chart.yaml",
                )
            }
        };
        context.push(finding.key(key), remedy);
    }
    context.values = Some(values);
}

fn versions(context: &mut Context<'_>, charts: &[(&str, &str, &str)]) {
    let pack = &context.manifest().version;
    let same = |text: &str| {
        let bare = |text: &str| text.trim_start_matches('v').to_owned();
        text.parse::<Version>()
            .is_ok_and(|version| bare(version.as_str()) == bare(pack.as_str()))
    };
    let Some((key, _, _)) = charts.first() else {
        return;
    };
    if charts.iter().any(|(_, _, version)| same(version)) {
        return;
    }
    let list: Vec<String> = charts
        .iter()
        .map(|(_, name, version)| format!("{name} {version}"))
        .collect();
    let message = format!("the pack is {pack}, and its charts are {}", list.join(", "));
    let finding = context.warning(rules::CHART_VERSION, key, message);
    context.push(
        finding,
        "check that the right chart is in the pack, or give the pack the chart's version",
    );
}

fn unreferenced(context: &mut Context<'_>, referenced: &[(String, String)]) {
    let paths: Vec<&String> = context.pack.charts.keys().collect();
    for path in paths {
        // Deeper ones are the dependencies of a chart that lies there unpacked.
        let at_top = path.matches('/').count() == 1;
        if at_top && !referenced.iter().any(|(_, known)| known == path) {
            let finding = Finding::warning(
                rules::UNREFERENCED_CHART,
                path,
                "pack.json does not name this chart",
            );
            context.push(finding, "name it in charts, or remove the file");
        }
    }
}
