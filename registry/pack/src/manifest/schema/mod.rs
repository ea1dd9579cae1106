//! The rules that the vendor publishes for `pack.json` as a JSON schema
//! ("Add Custom Packs", section "JSON Schema"), as a table in our own words.
//!
//! The two published versions differ in small things; the union is accepted:
//! cloud types `tencent` and `custom`, schedule types `master` and
//! `control-plane`, `ansibleRoles` (gone from newer documentation).

mod table;

use serde_json::{Map, Value};

use table::{Need, PACK, Shape};

use crate::lint::{Finding, rules};
use crate::places::{Places, join};

/// A complaint, and whether a manifest can exist in spite of it.
pub(crate) struct Complaint {
    pub(crate) finding: Finding,
    pub(crate) blocks: bool,
}

/// Checks a parsed `pack.json` and returns all complaints, in the order of the table.
pub(crate) fn check(value: &Value, file: &str, places: &Places) -> Vec<Complaint> {
    let mut checker = Checker {
        file,
        places,
        complaints: Vec::new(),
    };
    for (key, place) in places.duplicates() {
        let finding = Finding::error(rules::SCHEMA, file, "is written twice")
            .key(key)
            .at(Some(place));
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
                self.word(words, *blocks, word, path);
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
