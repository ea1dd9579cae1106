//! Where each key of a JSON or YAML text stands.
//!
//! The JSON library tells the place of a syntax error, but not the place of a
//! value that is well-formed and wrong. This walks a text that the library has
//! already accepted and notes the line and column of every key and element. It
//! also notes keys that are written twice, which the library lets pass.

use std::collections::HashMap;

use crate::error::Place;
use crate::yaml::{Node, Value};

/// Places by path, such as `constraints.dependencies[0].type`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    places: HashMap<String, Place>,
    pub(crate) duplicates: Vec<(String, Place)>,
}

impl Places {
    /// Walks `text`, which must be valid JSON; on anything else the places
    /// found until then are kept.
    pub(crate) fn of_json(text: &str) -> Self {
        let mut walker = Walker {
            rest: text,
            place: Place { line: 1, column: 1 },
            found: Self::default(),
        };
        // None only says that the text was not JSON.
        let _ = walker.value("");
        walker.found
    }

    /// Notes the places of a YAML tree.
    pub(crate) fn of_yaml(root: &Node) -> Self {
        let mut found = Self::default();
        found.walk(root, "");
        found
    }

    fn walk(&mut self, node: &Node, path: &str) {
        match &node.value {
            Value::Null | Value::Scalar { .. } => {}
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.walk(item, &path);
                    self.places.insert(path, item.place);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    let path = join(path, key.text().unwrap_or_default());
                    self.walk(value, &path);
                    if self.places.insert(path.clone(), key.place).is_some() {
                        self.duplicates.push((path, key.place));
                    }
                }
            }
        }
    }

    /// The place of `path`, or of the nearest thing around it.
    pub(crate) fn get(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// One step down into a mapping, as findings write it.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

struct Walker<'a> {
    rest: &'a str,
    place: Place,
    found: Places,
}

impl Walker<'_> {
    fn value(&mut self, path: &str) -> Option<()> {
        self.skip_space();
        match self.rest.chars().next()? {
            '{' => self.object(path),
            '[' => self.array(path),
            '"' => self.string().map(drop),
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t']);
                self.advance(end.unwrap_or(self.rest.len()));
                Some(())
            }
        }
    }

    fn object(&mut self, path: &str) -> Option<()> {
        self.advance(1);
        loop {
            self.skip_space();
            match self.rest.chars().next()? {
                '}' => break,
                ',' => self.advance(1),
                _ => {
                    let place = self.place;
                    let key = self.string()?;
                    let path = if path.is_empty() {
                        key
                    } else {
                        format!("{path}.{key}")
                    };
                    if self.found.places.insert(path.clone(), place).is_some() {
                        self.found.duplicates.push((path.clone(), place));
                    }
                    self.skip_space();
                    self.advance(1); // the colon
                    self.value(&path)?;
                }
            }
        }
        self.advance(1);
        Some(())
    }

    fn array(&mut self, path: &str) -> Option<()> {
        self.advance(1);
        let mut index = 0;
        loop {
            self.skip_space();
            match self.rest.chars().next()? {
                ']' => break,
                ',' => self.advance(1),
                _ => {
                    let path = format!("{path}[{index}]");
                    self.found.places.insert(path.clone(), self.place);
                    self.value(&path)?;
                    index += 1;
                }
            }
        }
        self.advance(1);
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let inside = self.rest.strip_prefix('"')?;
        let end = inside.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let literal = &self.rest[..end + 2];
        let text = serde_json::from_str(literal).ok()?;
        self.advance(end + 2);
        Some(text)
    }

    fn skip_space(&mut self) {
        let end = self.rest.find(|c: char| !c.is_ascii_whitespace());
        self.advance(end.unwrap_or(self.rest.len()));
    }

    fn advance(&mut self, bytes: usize) {
        let Some((passed, rest)) = self.rest.split_at_checked(bytes) else {
            self.rest = "";
            return;
        };
        self.rest = rest;
        for c in passed.chars() {
            if c == '\n' {
                self.place = Place {
                    line: self.place.line + 1,
                    column: 1,
                };
            } else {
                self.place.column += 1;
            }
        }
    }
}
