//! From text to [`Profile`]. All complaints are gathered before it gives up.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Profile, ProfileKind, ProfileManifest, ProfileMetadata, ProfilePack, ProfileRegistry,
    ProfileTemplate,
};
use crate::document::Document;
use crate::error::{PackError, ParseError};
use crate::lint::{self, Finding, rules};
use crate::places::join;

pub(super) fn parse(text: &str, file: &str) -> Result<Profile, PackError> {
    let document = Document::parse(text, file)?;
    let mut reader = Reader {
        document: &document,
        file,
        findings: Vec::new(),
    };
    let profile = reader.profile(text);
    match profile {
        Some(profile) if reader.findings.is_empty() => Ok(profile),
        _ => Err(PackError::Invalid(lint::capped(reader.findings))),
    }
}

struct Reader<'a> {
    document: &'a Document,
    file: &'a str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn profile(&mut self, text: &str) -> Option<Profile> {
        let root = &self.document.value;
        if !root.is_object() {
            let remedy = "write metadata and spec, as in an export";
            return self.complain(rules::PROFILE_FORM, "metadata", "is missing", remedy);
        }
        let metadata = self.metadata(root);
        let version = match root.pointer("/spec/version") {
            Some(_) => self.identifier(root, "/spec/version", rules::PROFILE_VERSION),
            None => "1.0.0".parse().ok(),
        };
        let template = self.template(root);
        let variables = self.typed(root, "/spec/variables");
        Some(Profile {
            metadata: metadata?,
            version: version?,
            template: template?,
            variables: variables?,
            raw: text.to_owned(),
            file: self.file.to_owned(),
        })
    }

    fn metadata(&mut self, root: &Value) -> Option<ProfileMetadata> {
        let name = self.identifier(root, "/metadata/name", rules::PROFILE_FORM);
        let description = self.typed(root, "/metadata/description");
        let labels: Option<BTreeMap<_, _>> = self.typed(root, "/metadata/labels");
        Some(ProfileMetadata {
            name: name?,
            description: description?,
            labels: labels?,
        })
    }

    fn template(&mut self, root: &Value) -> Option<ProfileTemplate> {
        let kind = match root
            .pointer("/spec/template/type")
            .map(ProfileKind::deserialize_from)
        {
            Some(Some(kind)) => Some(kind),
            found => {
                let message = if found.is_none() {
                    "is missing"
                } else {
                    "is not known"
                };
                let remedy = "use one of cluster, infra, add-on, system";
                self.complain(rules::PROFILE_FORM, "spec.template.type", message, remedy)
            }
        };
        let cloud_type = self.typed::<String>(root, "/spec/template/cloudType");
        let packs = match root.pointer("/spec/template/packs") {
            Some(Value::Array(packs)) => {
                let packs: Vec<_> = (0..packs.len())
                    .map(|index| self.pack(root, index))
                    .collect();
                packs.into_iter().collect::<Option<Vec<_>>>()
            }
            _ => self.complain(
                rules::PROFILE_FORM,
                "spec.template.packs",
                "is not a list",
                "list the packs",
            ),
        };
        let cloud_type = cloud_type.map(|cloud| {
            if cloud.is_empty() {
                "all".to_owned()
            } else {
                cloud
            }
        });
        Some(ProfileTemplate {
            kind: kind?,
            cloud_type: cloud_type?,
            packs: packs?,
        })
    }

    fn pack(&mut self, root: &Value, index: usize) -> Option<ProfilePack> {
        let at = |key: &str| format!("/spec/template/packs/{index}/{key}");
        let name = self.identifier(root, &at("name"), rules::PROFILE_FORM);
        let layer = self.identifier(root, &at("layer"), rules::PROFILE_LAYER_UNKNOWN);
        let tag: Option<Option<String>> = self.typed(root, &at("tag"));
        let has_version = root
            .pointer(&at("version"))
            .is_some_and(|version| !version.is_null());
        let key = if !has_version && matches!(tag, Some(Some(_))) {
            "tag"
        } else {
            "version"
        };
        let version = self.identifier(root, &at(key), rules::PROFILE_FORM);
        let kind = self.typed(root, &at("type"));
        let values = self.typed(root, &at("values"));
        let manifests: Option<Vec<ProfileManifest>> = self.typed(root, &at("manifests"));
        let registry: Option<Option<ProfileRegistry>> = self.typed(root, &at("registry/metadata"));
        Some(ProfilePack {
            name: name?,
            layer: layer?,
            version: version?,
            tag: tag?,
            kind: kind?,
            values: values?,
            manifests: manifests?,
            registry: registry?,
        })
    }

    /// A value that may be absent, in which case it is the default of its type.
    fn typed<T: DeserializeOwned + Default>(&mut self, root: &Value, pointer: &str) -> Option<T> {
        match root.pointer(pointer) {
            None | Some(Value::Null) => Some(T::default()),
            Some(value) => match T::deserialize(value) {
                Ok(value) => Some(value),
                Err(error) => {
                    let message = error.to_string();
                    self.complain(
                        rules::PROFILE_FORM,
                        &dotted(pointer),
                        &message,
                        "correct the value",
                    )
                }
            },
        }
    }

    /// A text that must be there and must be a `T`.
    fn identifier<T>(&mut self, root: &Value, pointer: &str, rule: &'static str) -> Option<T>
    where
        T: std::str::FromStr<Err = ParseError>,
    {
        let key = dotted(pointer);
        match root.pointer(pointer) {
            None | Some(Value::Null) => self.complain(rule, &key, "is missing", "add it"),
            Some(Value::String(text)) => match text.parse() {
                Ok(value) => Some(value),
                Err(error) => {
                    let error: ParseError = error;
                    self.complain(
                        rule,
                        &key,
                        &format!("{text:?} {}", error.why()),
                        error.remedy(),
                    )
                }
            },
            Some(_) => self.complain(
                rule,
                &key,
                "is not a string",
                "put the value into double quotes",
            ),
        }
    }

    fn complain<T>(
        &mut self,
        rule: &'static str,
        key: &str,
        message: &str,
        remedy: &str,
    ) -> Option<T> {
        let finding = Finding::error(rule, self.file, message).key(key);
        self.findings
            .push(finding.at(self.document.places.get(key)).remedy(remedy));
        None
    }
}

impl ProfileKind {
    fn deserialize_from(value: &Value) -> Option<Self> {
        serde::Deserialize::deserialize(value).ok()
    }
}

/// `/spec/packs/0/name` as findings write it: `spec.packs[0].name`.
fn dotted(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .fold(String::new(), |path, part| match part.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) => join(&path, part),
        })
}
