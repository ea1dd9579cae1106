//! Everything around the pack proper: README, logo, leftovers, our own files.

use super::context::Context;
use super::{Finding, rules};
use crate::Logo;
use crate::components::{self, ComponentSet};
use crate::error::PackError;

/// What editors, merges and file managers leave behind.
const LEFTOVER_ENDINGS: &[&str] = &[".orig", ".bak", ".rej", ".swp", "~"];
const LEFTOVER_NAMES: &[&str] = &[".DS_Store", "Thumbs.db"];

pub(super) fn check(context: &mut Context<'_>) {
    readme_and_logo(context);
    leftovers(context);
    components(context);
    policy(context);
}

fn readme_and_logo(context: &mut Context<'_>) {
    if context
        .pack
        .readme
        .as_deref()
        .is_none_or(|text| text.trim().is_empty())
    {
        let finding = Finding::warning(
            rules::README_MISSING,
            "README.md",
            "the file is missing or empty",
        );
        context.push(
            finding,
            "say what the pack is for and what its parameters mean",
        );
    }
    match context.pack.logo {
        Logo::Png => {}
        Logo::Missing => {
            let finding = Finding::warning(rules::LOGO_MISSING, "logo.png", "the file is missing");
            context.push(finding, "add a PNG");
        }
        Logo::Other => {
            let finding = Finding::warning(rules::LOGO_FORMAT, "logo.png", "the file is not a PNG");
            context.push(finding, "convert it; its name alone does not make it one");
        }
    }
}

fn leftovers(context: &mut Context<'_>) {
    for file in &context.pack.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let leftover = LEFTOVER_NAMES.contains(&name)
            || name.starts_with("._")
            || name.ends_with(".orig.tgz")
            || LEFTOVER_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if leftover {
            let finding = Finding::warning(
                rules::LEFTOVER_FILE,
                &file.path,
                "looks like something left behind",
            );
            context.push(finding, "remove the file");
        }
    }
}

fn components(context: &mut Context<'_>) {
    let Some(text) = context.pack.components.as_deref() else {
        return;
    };
    match ComponentSet::parse(text, components::FILE) {
        Ok(_) => {}
        Err(PackError::Invalid(findings)) => context.findings.extend(findings),
        Err(PackError::Malformed {
            place,
            message,
            remedy,
            ..
        }) => {
            let finding = Finding::error(rules::COMPONENTS, components::FILE, message).at(place);
            context.push(finding, remedy);
        }
        Err(other) => {
            let finding = Finding::error(rules::COMPONENTS, components::FILE, other.to_string());
            context.push(finding, "correct the file");
        }
    }
}

/// Only the form: what the checks mean is the image builder's business.
fn policy(context: &mut Context<'_>) {
    let Some(text) = context.pack.policy.as_deref() else {
        return;
    };
    if let Some(root) = context.yaml(rules::POLICY, "policy.yaml", text)
        && root.entries().is_none()
    {
        let message = format!("the file is {}, not a mapping", root.kind());
        let remedy = "write benchmark, level, targets, verify and waivers";
        context.complain(
            rules::POLICY,
            "policy.yaml",
            root.place,
            "(whole file)",
            message,
            remedy,
        );
    }
}
