//! `presets.yaml`: named changes of the values, one active per group.
//!
//! Form: `presets: [{name, displayName, group, remove: [path], add: |yaml}]`.
//! Paths in `remove` need not exist, they often come from another preset.

use std::collections::BTreeSet;

use super::context::Context;
use super::rules;
use crate::yaml::{self, Node};

const FILE: &str = "presets.yaml";

pub(super) fn check(context: &mut Context<'_>) {
    let Some(text) = context.pack.presets.as_deref() else {
        return;
    };
    let Some(root) = context.yaml(rules::PRESETS_FORM, FILE, text) else {
        return;
    };
    if root.is_empty() {
        return;
    }
    let presets = root
        .get("presets")
        .filter(|node| node.is_empty() || node.items().is_some());
    let Some(presets) = presets else {
        let remedy = "write `presets:` and a list below it";
        context.complain(
            rules::PRESETS_FORM,
            FILE,
            root.place,
            "presets",
            "is not a list",
            remedy,
        );
        return;
    };
    let items = presets.items().unwrap_or_default();
    for (index, preset) in items.iter().enumerate() {
        one(context, &format!("presets[{index}]"), preset);
    }
    unique(context, items);
}

fn unique(context: &mut Context<'_>, presets: &[Node]) {
    let mut names = BTreeSet::new();
    for (index, preset) in presets.iter().enumerate() {
        let text = |field| preset.get(field).and_then(Node::text).unwrap_or_default();
        let (group, name) = (text("group"), text("name"));
        if !names.insert((group, name)) {
            let key = format!("presets[{index}]");
            let message = format!("there is another preset {name:?} in group {group:?}");
            context.complain(
                rules::PRESETS_FORM,
                FILE,
                preset.place,
                &key,
                message,
                "give each its own name",
            );
        }
    }
}

fn one(context: &mut Context<'_>, key: &str, preset: &Node) {
    let mut complain = |field: &str, node: &Node, message: &str, remedy: &str| {
        let key = format!("{key}.{field}");
        context.complain(rules::PRESETS_FORM, FILE, node.place, &key, message, remedy);
    };
    if preset
        .get("name")
        .and_then(Node::text)
        .is_none_or(str::is_empty)
    {
        complain("name", preset, "is missing", "add it");
    }
    if let Some(remove) = preset.get("remove") {
        let texts = remove
            .items()
            .is_some_and(|items| items.iter().all(|item| item.text().is_some()));
        if !remove.is_empty() && !texts {
            complain(
                "remove",
                remove,
                "is not a list of paths",
                "write paths such as charts.name.key",
            );
        }
    }
    if let Some(add) = preset.get("add").filter(|add| !add.is_empty()) {
        let parsed = add.text().and_then(|text| yaml::parse(text, FILE).ok());
        if !parsed.is_some_and(|node| node.is_empty() || node.entries().is_some()) {
            complain(
                "add",
                add,
                "is not the text of a YAML mapping",
                "write `add: |` and the mapping below it",
            );
        }
    }
}
