//! `schema.yaml`: what a form asks for each value.
//!
//! Form: `dotted.path: {schema: '{{ required | format "${string}" | hints "…" }}'}`.
//! Paths need not be in `values.yaml`: a preset may bring them.

use super::context::Context;
use super::{Finding, rules};
use crate::yaml::Node;

const FILE: &str = "schema.yaml";
const TOKENS: &[&str] = &[
    "string", "number", "boolean", "password", "list", "ipv4", "version",
];

pub(super) fn check(context: &mut Context<'_>) {
    let Some(text) = context.pack.schema.as_deref() else {
        return;
    };
    let Some(root) = context.yaml(rules::SCHEMA_FORM, FILE, text) else {
        return;
    };
    if root.is_empty() {
        return;
    }
    let Some(entries) = root.entries() else {
        let message = format!("the file is {}, not a mapping", root.kind());
        let remedy = "write one `path:` with `schema:` below it for each value";
        context.complain(
            rules::SCHEMA_FORM,
            FILE,
            root.place,
            "(whole file)",
            message,
            remedy,
        );
        return;
    };
    for (key, value) in entries {
        let path = key.key_text();
        match value.get("schema").and_then(Node::text) {
            Some(template) => rule(context, &path, value, template),
            None => {
                let remedy = "write `schema: '{{ required | format \"${string}\" }}'` below it";
                context.complain(
                    rules::SCHEMA_FORM,
                    FILE,
                    key.place,
                    &path,
                    "has no `schema`",
                    remedy,
                );
            }
        }
    }
}

fn rule(context: &mut Context<'_>, path: &str, value: &Node, template: &str) {
    let inside = template
        .trim()
        .strip_prefix("{{")
        .and_then(|text| text.strip_suffix("}}"));
    let problem = match inside {
        None => Some("is not enclosed in {{ and }}".to_owned()),
        Some(inside) => pipeline(inside).iter().find_map(|part| wrong(part)),
    };
    if let Some(problem) = problem {
        let place = value.get("schema").unwrap_or(value).place;
        let finding = Finding::warning(rules::SCHEMA_FORM, FILE, problem)
            .key(path)
            .at(Some(place));
        context.push(
            finding,
            "join required, readonly, format \"…\" and hints \"…\" with |",
        );
    }
}

/// Splits at `|` outside of quotes.
fn pipeline(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        c == '|' && !quoted
    });
    parts.map(str::trim).collect()
}

fn wrong(part: &str) -> Option<String> {
    let (word, rest) = part
        .split_once(|c: char| c.is_whitespace() || c == '"')
        .unwrap_or((part, ""));
    match word {
        "required" | "readonly" | "hints" => None,
        "format" => rest.split("${").skip(1).find_map(|token| {
            let name = token.split(['}', ':']).next().unwrap_or_default();
            (!TOKENS.contains(&name))
                .then(|| format!("uses the format ${{{name}}}, which is not documented"))
        }),
        _ => Some(format!("uses {word:?}, which is not documented")),
    }
}
