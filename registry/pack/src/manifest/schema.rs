//! The rules that the vendor publishes for `pack.json` as a JSON schema
//! ("Add Custom Packs", section "JSON Schema"), as a table in our own words.
//!
//! The two published versions differ in small things; the union is accepted:
//! cloud types `tencent` and `custom`, schedule types `master` and
//! `control-plane`, `ansibleRoles` (gone from newer documentation).

use serde_json::{Map, Value};

use crate::Layer;
use crate::lint::{Finding, rules};
use crate::places::{Places, join};

/// A complaint, and whether a manifest can exist in spite of it.
pub(crate) struct Complaint {
    pub(crate) finding: Finding,
    pub(crate) blocks: bool,
}

const CLOUD_TYPES: &[&str] = &[
    "all",
    "aws",
    "azure",
    "gcp",
    "vsphere",
    "openstack",
    "baremetal",
    "maas",
    "aks",
    "eks",
    "tencent",
    "tke",
    "edge",
    "libvirt",
    "edge-native",
    "coxedge",
    "custom",
];
const DEPENDENCY_TYPES: &[&str] = &["required", "optional", "notSupported", "upgrade"];
const RESOURCE_TYPES: &[&str] = &["cpu", "memory", "diskSize"];
const SCHEDULE_TYPES: &[&str] = &["all", "master", "control-plane", "worker"];
const LAYERS: &[&str] = &["kernel", "os", "k8s", "cni", "csi", "addon"];

/// What a value has to be.
enum Shape {
    /// Any string.
    Text,
    /// A string that is not empty.
    FilledText,
    /// One of these strings; the flag tells whether another word blocks.
    Word(&'static [&'static str], bool),
    /// A number.
    Number,
    /// An object whose values are strings.
    TextMap,
    /// An array of one shape.
    List(&'static Shape),
    /// An object: key, required, shape.
    Object(&'static [(&'static str, Need, Shape)]),
}

/// Whether a key has to be there.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    /// Nothing works without it.
    Must,
    /// The schema asks for it; readers live without it.
    Should,
    May,
}

const DEPENDENCY: Shape = Shape::Object(&[
    ("packName", Need::Should, Shape::Text),
    ("layer", Need::Should, Shape::Word(LAYERS, false)),
    ("type", Need::Should, Shape::Word(DEPENDENCY_TYPES, false)),
    ("minVersion", Need::May, Shape::Text),
    ("maxVersion", Need::May, Shape::Text),
]);

const COMPONENT: Shape = Shape::Object(&[
    (
        "scheduleType",
        Need::Should,
        Shape::Word(SCHEDULE_TYPES, false),
    ),
    ("resourceRequestParamRef", Need::May, Shape::Text),
    ("replicaCountParamRef", Need::May, Shape::Text),
]);

const RESOURCE: Shape = Shape::Object(&[
    ("type", Need::Should, Shape::Word(RESOURCE_TYPES, false)),
    ("minLimit", Need::May, Shape::Number),
    ("components", Need::May, Shape::List(&COMPONENT)),
]);

const PACK: Shape = Shape::Object(&[
    ("name", Need::Must, Shape::FilledText),
    ("displayName", Need::Must, Shape::FilledText),
    ("version", Need::Must, Shape::FilledText),
    ("layer", Need::Must, Shape::Word(LAYERS, true)),
    (
        "cloudTypes",
        Need::May,
        Shape::List(&Shape::Word(CLOUD_TYPES, false)),
    ),
    ("cloudType", Need::May, Shape::Word(CLOUD_TYPES, false)),
    ("annotations", Need::May, Shape::TextMap),
    ("charts", Need::May, Shape::List(&Shape::Text)),
    ("kubeManifests", Need::May, Shape::List(&Shape::Text)),
    ("ansibleRoles", Need::May, Shape::List(&Shape::Text)),
    ("addonType", Need::May, Shape::Text),
    ("addonSubType", Need::May, Shape::Text),
    ("group", Need::May, Shape::Text),
    ("eol", Need::May, Shape::Text),
    (
        "constraints",
        Need::May,
        Shape::Object(&[
            ("dependencies", Need::May, Shape::List(&DEPENDENCY)),
            ("resources", Need::May, Shape::List(&RESOURCE)),
        ]),
    ),
]);

/// Checks a parsed `pack.json` and returns all complaints, in the order of the table.
pub(crate) fn check(value: &Value, file: &str, places: &Places) -> Vec<Complaint> {
    let mut checker = Checker {
        file,
        places,
        complaints: Vec::new(),
    };
    for (key, place) in &places.duplicates {
        let finding = Finding::error(rules::SCHEMA, file, "is written twice")
            .key(key)
            .at(Some(*place));
        let finding =
            finding.remedy("remove one of the two; readers disagree about which one counts");
        checker.complaints.push(Complaint {
            finding,
            blocks: true,
        });
    }
    checker.shape(value, &PACK, "");
    checker.complaints
}

struct Checker<'a> {
    file: &'a str,
    places: &'a Places,
    complaints: Vec<Complaint>,
}

impl Checker<'_> {
    fn shape(&mut self, value: &Value, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Text, Value::String(_)) | (Shape::Number, Value::Number(_)) => {}
            (Shape::FilledText, Value::String(text)) => {
                if text.trim().is_empty() {
                    self.complain(true, path, "is empty".to_owned(), "write a text");
                }
            }
            (Shape::Word(words, blocks), Value::String(word)) => {
                self.word(words, *blocks, word, path)
            }
            (Shape::TextMap, Value::Object(map)) => {
                for (key, value) in map {
                    self.shape(value, &Shape::Text, &join(path, key));
                }
            }
            (Shape::List(item), Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    self.shape(value, item, &format!("{path}[{index}]"));
                }
            }
            (Shape::Object(keys), Value::Object(map)) => self.object(keys, map, path),
            (shape, value) => {
                let message = format!("is {}, and has to be {}", kind(value), expected(shape));
                self.complain(true, path, message, remedy(shape));
            }
        }
    }

    fn object(&mut self, keys: &[(&str, Need, Shape)], map: &Map<String, Value>, path: &str) {
        for (key, need, shape) in keys {
            let path = join(path, key);
            match map.get(*key) {
                Some(value) => self.shape(value, shape, &path),
                None if *need == Need::May => {}
                None => self.complain(
                    *need == Need::Must,
                    &path,
                    "is missing".to_owned(),
                    "add it",
                ),
            }
        }
    }

    fn word(&mut self, words: &[&str], blocks: bool, word: &str, path: &str) {
        if !words.contains(&word) {
            let remedy = format!("use one of {}", words.join(", "));
            self.complain(blocks, path, format!("{word:?} is not known"), &remedy);
        }
    }

    fn complain(&mut self, blocks: bool, path: &str, message: String, remedy: &str) {
        let path = if path.is_empty() {
            "(whole file)"
        } else {
            path
        };
        let finding = Finding::error(rules::SCHEMA, self.file, message);
        let finding = finding.key(path).at(self.places.get(path)).remedy(remedy);
        self.complaints.push(Complaint { finding, blocks });
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::FilledText | Shape::Word(..) => "a string",
        Shape::Number => "a number",
        Shape::TextMap => "an object of strings",
        Shape::List(_) => "an array",
        Shape::Object(_) => "an object",
    }
}

fn remedy(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::FilledText | Shape::Word(..) => "put the value into double quotes",
        Shape::Number => "write the number without quotes",
        Shape::TextMap | Shape::Object(_) => "write {\"key\": …}",
        Shape::List(_) => "put the value into square brackets",
    }
}

// The table of words and the type must not drift apart.
const _: () = assert!(LAYERS.len() == Layer::ALL.len());
