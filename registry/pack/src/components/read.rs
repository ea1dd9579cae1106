//! From text to [`ComponentSet`]. All complaints are gathered before it gives up.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Component, ComponentSet, Kind, Purpose, SCHEMA_VERSION, Source};
use crate::document::Document;
use crate::error::PackError;
use crate::lint::{self, Finding, rules};

pub(super) fn read(text: &str, file: &str) -> Result<ComponentSet, PackError> {
    let document = Document::parse(text, file)?;
    let mut reader = Reader {
        document: &document,
        file,
        findings: Vec::new(),
    };
    let set = reader.set();
    if reader.findings.is_empty() {
        Ok(set)
    } else {
        Err(PackError::Invalid(lint::capped(reader.findings)))
    }
}

struct Reader<'a> {
    document: &'a Document,
    file: &'a str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn set(&mut self) -> ComponentSet {
        let root = &self.document.value;
        if root.get("schemaVersion").and_then(Value::as_u64) != Some(u64::from(SCHEMA_VERSION)) {
            self.complain("schemaVersion", "is not 1", "write schemaVersion: 1");
        }
        let items = root.get("components").and_then(Value::as_array);
        if items.is_none() {
            self.complain("components", "is not a list", "list the components");
        }
        let mut components = Vec::new();
        for (index, item) in items.into_iter().flatten().enumerate() {
            let key = format!("components[{index}]");
            match Component::deserialize(item) {
                Ok(component) => {
                    self.component(&key, &component);
                    components.push(component);
                }
                Err(error) => self.complain(&key, &error.to_string(), "correct this component"),
            }
        }
        self.unique(&components);
        ComponentSet {
            schema_version: SCHEMA_VERSION,
            components,
        }
    }

    fn component(&mut self, key: &str, component: &Component) {
        let hex = |text: &str| {
            text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let at = |field: &str| format!("{key}.{field}");
        if !is_file_name(&component.file) {
            self.complain(
                &at("file"),
                "is not the name of a file",
                "write a name without folders",
            );
        }
        if component.name.is_empty() || component.version.is_empty() {
            self.complain(key, "has an empty name or version", "write both");
        }
        if component.sha256.as_deref().is_some_and(|text| !hex(text)) {
            self.complain(
                &at("sha256"),
                "is not a SHA-256",
                "write 64 lower-case hexadecimal digits",
            );
        }
        if component.sources.is_empty() {
            self.complain(&at("sources"), "is empty", "name bundle, apt or http");
        }
        for source in &component.sources {
            if let Source::Http { url } = source {
                self.download(key, url, component.sha256.is_some());
            }
        }
        self.install(&at("install"), component);
    }

    fn install(&mut self, key: &str, component: &Component) {
        match &component.install {
            Some(path) if !is_absolute(path) => {
                self.complain(
                    key,
                    "is not an absolute path",
                    "begin with / and leave out ..",
                );
            }
            None if component.purpose == Purpose::Install && component.kind != Kind::Deb => {
                self.complain(key, "is missing", "say where it goes on the machine");
            }
            _ => {}
        }
    }

    fn download(&mut self, key: &str, url: &str, has_checksum: bool) {
        let key_of = |field: &str| format!("{key}.{field}");
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            self.complain(
                &key_of("sources"),
                &format!("{url:?} is no http address"),
                "write https://…",
            );
        }
        if !has_checksum {
            self.complain(
                &key_of("sha256"),
                "is missing, and http is a source",
                "add the SHA-256 of the file",
            );
        }
    }

    fn unique(&mut self, components: &[Component]) {
        let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
        for (index, component) in components.iter().enumerate() {
            for (field, text, seen) in [
                ("name", &component.name, &mut names),
                ("file", &component.file, &mut files),
            ] {
                if !seen.insert(text) {
                    let key = format!("components[{index}].{field}");
                    self.complain(
                        &key,
                        &format!("{text:?} is used twice"),
                        "give each its own",
                    );
                }
            }
        }
    }

    fn complain(&mut self, key: &str, message: &str, remedy: &str) {
        let finding = Finding::error(rules::COMPONENTS, self.file, message).key(key);
        self.findings
            .push(finding.at(self.document.places.get(key)).remedy(remedy));
    }
}

fn is_file_name(text: &str) -> bool {
    !text.is_empty()
        && text != "."
        && text != ".."
        && !text.contains(['/', '\\', '\0'])
        && text.len() <= 255
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..")
}
