//! Complaints about a profile that parses.

use std::collections::BTreeMap;

use super::{Profile, variables};
use crate::document::Document;
use crate::error::PackError;
use crate::lint::{Finding, rules};
use crate::{Layer, yaml};

/// The layers below the add-ons, each of which a cluster has once.
const BASE: [Layer; 4] = [Layer::Os, Layer::K8s, Layer::Cni, Layer::Csi];

pub(super) fn lint(profile: &Profile) -> Vec<Finding> {
    let mut lint = Lint {
        profile,
        document: Document::parse(&profile.raw, &profile.file).ok(),
        findings: Vec::new(),
    };
    lint.version();
    lint.layers();
    lint.packs();
    lint.values();
    lint.variables();
    crate::lint::capped(lint.findings)
}

struct Lint<'a> {
    profile: &'a Profile,
    document: Option<Document>,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn push(&mut self, finding: Finding, key: &str, remedy: &str) {
        let place = self
            .document
            .as_ref()
            .and_then(|document| document.places.get(key));
        self.findings
            .push(finding.key(key).at(place).remedy(remedy));
    }

    fn error(&self, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding::error(rule, &self.profile.file, message)
    }

    fn warning(&self, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding::warning(rule, &self.profile.file, message)
    }

    fn version(&mut self) {
        let version = self.profile.version.as_str();
        if semver::Version::parse(version).is_err() {
            let finding = self.error(
                rules::PROFILE_VERSION,
                format!("{version:?} is not a Semantic Version"),
            );
            self.push(
                finding,
                "spec.version",
                "write major.minor.patch, such as 1.0.0",
            );
        }
    }

    fn layers(&mut self) {
        let key = "spec.template.packs";
        let kind = self.profile.template.kind;
        for layer in BASE {
            let count = self.profile.layer(layer).count();
            if count > 1 {
                let finding = self.error(
                    rules::PROFILE_LAYER_TWICE,
                    format!("there are {count} packs of layer {layer}"),
                );
                self.push(finding, key, "keep one of them");
            } else if count == 0 && kind.has_infrastructure() {
                let message = format!(
                    "there is no pack of layer {layer}, which a profile of type {kind} needs"
                );
                let needed_to_build = matches!(layer, Layer::Os | Layer::K8s);
                let rule = rules::PROFILE_LAYER_MISSING;
                let finding = if needed_to_build {
                    self.error(rule, message)
                } else {
                    self.warning(rule, message)
                };
                self.push(
                    finding,
                    key,
                    &format!("add a pack of layer {layer}, or make the type add-on"),
                );
            } else if count > 0 && !kind.has_infrastructure() {
                let message =
                    format!("there is a pack of layer {layer} in a profile of type {kind}");
                let finding = self.error(rules::PROFILE_FORM, message);
                self.push(finding, key, "take the pack out, or make the type cluster");
            }
        }
        let layers = self.profile.template.packs.iter().map(|pack| pack.layer);
        if !layers.is_sorted() {
            let finding = self.warning(
                rules::PROFILE_LAYER_ORDER,
                "the packs are not in the order of their layers",
            );
            self.push(finding, key, "order them: os, k8s, cni, csi, addon");
        }
    }

    fn packs(&mut self) {
        let mut first = BTreeMap::new();
        for (index, pack) in self.profile.template.packs.iter().enumerate() {
            if let Some(before) = first.insert(&pack.name, index) {
                let message = format!("{} is also packs[{before}]", pack.name);
                let finding = self.error(rules::PROFILE_PACK_TWICE, message);
                self.push(
                    finding,
                    &format!("spec.template.packs[{index}].name"),
                    "keep one of the two",
                );
            }
        }
    }

    fn values(&mut self) {
        for (index, pack) in self.profile.template.packs.iter().enumerate() {
            let Some(values) = &pack.values else { continue };
            let file = format!("values of {}", pack.name);
            let message = match yaml::parse(values, &file) {
                Ok(node) if node.is_empty() || node.entries().is_some() => continue,
                Ok(node) => format!("is {}, not a mapping", node.kind()),
                Err(PackError::Malformed {
                    place: Some(place),
                    message,
                    ..
                }) => {
                    format!("{message}, in line {} of the values", place.line)
                }
                Err(error) => error.to_string(),
            };
            let finding = self.error(rules::PROFILE_VALUES, message);
            self.push(
                finding,
                &format!("spec.template.packs[{index}].values"),
                "write the values as a YAML mapping",
            );
        }
    }

    fn variables(&mut self) {
        for (index, key, message, remedy) in variables::check(&self.profile.variables) {
            let finding = self.error(rules::PROFILE_VARIABLE, message);
            self.push(finding, &format!("spec.variables[{index}].{key}"), remedy);
        }
    }
}
