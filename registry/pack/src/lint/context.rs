//! What all rules look at, parsed once, and where they put their complaints.

use super::Finding;
use crate::error::{PackError, Place};
use crate::manifest::FILE as PACK_JSON;
use crate::places::Places;
use crate::yaml::{self, Node};
use crate::{Pack, PackManifest};

pub(super) struct Context<'a> {
    pub(super) pack: &'a Pack,
    /// `values.yaml`; None if it is not there or cannot be parsed.
    pub(super) values: Option<Node>,
    pub(super) findings: Vec<Finding>,
    places: Places,
}

impl<'a> Context<'a> {
    pub(super) fn new(pack: &'a Pack) -> Self {
        let values = pack
            .values
            .as_deref()
            .and_then(|text| yaml::parse(text, "values.yaml").ok());
        Self {
            pack,
            values,
            findings: Vec::new(),
            places: Places::of_json(&pack.manifest.raw),
        }
    }

    pub(super) fn manifest(&self) -> &'a PackManifest {
        &self.pack.manifest
    }

    pub(super) fn push(&mut self, finding: Finding, remedy: impl Into<String>) {
        self.findings.push(finding.remedy(remedy));
    }

    /// An error on a key of `pack.json`.
    pub(super) fn error(
        &self,
        rule: &'static str,
        key: &str,
        message: impl Into<String>,
    ) -> Finding {
        Finding::error(rule, PACK_JSON, message)
            .key(key)
            .at(self.places.get(key))
    }

    /// A warning on a key of `pack.json`.
    pub(super) fn warning(
        &self,
        rule: &'static str,
        key: &str,
        message: impl Into<String>,
    ) -> Finding {
        Finding::warning(rule, PACK_JSON, message)
            .key(key)
            .at(self.places.get(key))
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Parses another YAML file of the pack; a syntax error becomes a finding.
    pub(super) fn yaml(&mut self, rule: &'static str, file: &str, text: &str) -> Option<Node> {
        match yaml::parse(text, file) {
            Ok(node) => Some(node),
            Err(PackError::Malformed {
                place,
                message,
                remedy,
                ..
            }) => {
                self.push(Finding::error(rule, file, message).at(place), remedy);
                None
            }
            Err(other) => {
                self.push(
                    Finding::error(rule, file, other.to_string()),
                    "correct the file",
                );
                None
            }
        }
    }

    /// An error at a place of another file.
    pub(super) fn complain(
        &mut self,
        rule: &'static str,
        file: &str,
        place: Place,
        key: &str,
        message: impl Into<String>,
        remedy: &str,
    ) {
        self.findings.push(
            Finding::error(rule, file, message)
                .at(Some(place))
                .key(key)
                .remedy(remedy),
        );
    }
}
