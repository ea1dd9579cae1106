//! What a Kubernetes pack installs: the file `components.yaml` in the pack, and
//! the manifest of the bundle that carries the files.
//!
//! ```yaml
//! schemaVersion: 1
//! components:
//!   - name: kubelet
//!     version: v1.34.2
//!     kind: binary            # binary | archive | deb
//!     file: kubelet           # its name in the bundle
//!     sha256: 9f86d0…         # needed for http
//!     sources:                # tried in this order
//!       - bundle
//!       - http: {url: "https://…"}
//!     install: /usr/bin/kubelet
//!     purpose: install        # install | tool
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Document;
use crate::error::PackError;
use crate::lint::{Finding, rules};

/// The file's name in a pack.
pub const FILE: &str = "components.yaml";
/// The only version of both forms there is.
pub const SCHEMA_VERSION: u32 = 1;

/// The components of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentSet {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// In the order in which they are installed.
    pub components: Vec<Component>,
}

/// One file that ends up on a machine, or is used while one is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Its name; for `apt` also the package's name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// What kind of file it is.
    pub kind: Kind,
    /// The file's name in the bundle; no folders.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Where it may come from, tried in this order.
    pub sources: Vec<Source>,
    /// Where it goes on the machine; a file for a binary, a folder for an archive.
    #[serde(default)]
    pub install: Option<String>,
    /// Why it is here.
    pub purpose: Purpose,
}

/// What kind of file a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One executable file.
    Binary,
    /// A tar archive that is unpacked.
    Archive,
    /// A Debian package.
    Deb,
}

/// Why a component is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// It becomes part of the image.
    Install,
    /// It is used while the image is built or checked, and leaves no trace.
    Tool,
}

/// Where a component may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Source {
    /// The pack's bundle in the registry.
    Bundle,
    /// The package repositories of the machine.
    Apt,
    /// A download; the component must have a checksum.
    Http {
        /// From where.
        url: String,
    },
}

/// What is in a bundle; the configuration of the bundle's artifact, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleManifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// For which machines, such as `amd64`.
    pub architecture: String,
    /// The files, in the order of `components.yaml`.
    pub components: Vec<BundleEntry>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleEntry {
    /// As in [`Component`].
    pub name: String,
    /// As in [`Component`].
    pub version: String,
    /// As in [`Component`].
    pub kind: Kind,
    /// As in [`Component`]; also the title of the layer.
    pub file: String,
    /// SHA-256 of the file, hexadecimal; the layer's digest.
    pub sha256: String,
    /// The file's length.
    pub size_bytes: u64,
    /// As in [`Component`].
    pub purpose: Purpose,
    /// As in [`Component`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
}

impl ComponentSet {
    /// Parses a `components.yaml`; `file` is how errors call it.
    ///
    /// # Errors
    /// [`PackError::Malformed`] if it is no YAML, and [`PackError::Invalid`]
    /// with every complaint about its content.
    pub fn parse(text: &str, file: &str) -> Result<Self, PackError> {
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
            Err(PackError::Invalid(reader.findings))
        }
    }

    /// The component of that name.
    pub fn get(&self, name: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name)
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
        if let Some(path) = &component.install
            && !is_absolute(path)
        {
            self.complain(
                &at("install"),
                "is not an absolute path",
                "begin with / and leave out ..",
            );
        }
        if component.purpose == Purpose::Install
            && component.kind != Kind::Deb
            && component.install.is_none()
        {
            self.complain(
                &at("install"),
                "is missing",
                "say where it goes on the machine",
            );
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
