//! Where the thing stands that a path such as
//! `constraints.dependencies[0].type` means, in a JSON or YAML text.
//!
//! Looked up in the tree when somebody asks: a list of all paths could be much
//! longer than the text.

use std::collections::BTreeSet;

use crate::error::Place;
use crate::yaml::{Node, Value};

/// The places of one text.
#[derive(Debug)]
pub(crate) struct Places {
    root: Option<Node>,
}

impl Places {
    /// Of a text that the JSON library has accepted.
    pub(crate) fn of_json(text: &str) -> Self {
        Self {
            root: crate::json_tree::parse(text),
        }
    }

    /// Of a YAML tree.
    pub(crate) fn of_yaml(root: Node) -> Self {
        Self { root: Some(root) }
    }

    /// The place of `path`, or of the nearest thing around it; None if there
    /// is nothing of it.
    pub(crate) fn get(&self, path: &str) -> Option<Place> {
        let mut node = self.root.as_ref()?;
        let (mut rest, mut place) = (path, None);
        while let Some((found, value, tail)) = step(node, rest) {
            (node, rest, place) = (value, tail, Some(found));
        }
        place
    }

    /// Keys that are written twice in one object, with the second place.
    pub(crate) fn duplicates(&self) -> Vec<(String, Place)> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            duplicates(root, "", &mut found);
        }
        found
    }
}

/// One step down: the place of the key or element, its value, what is left of
/// the path. A key may have dots in it, so the longest that fits is taken.
fn step<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(Place, &'n Node, &'p str)> {
    match &node.value {
        Value::List(items) => {
            let (index, tail) = path.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some((item.place, item, tail))
        }
        Value::Map(entries) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            let fits = entries.iter().filter_map(|(key, value)| {
                let tail = path.strip_prefix(key.text()?)?;
                let whole = tail.is_empty() || tail.starts_with(['.', '[']);
                whole.then_some((key.place, value, tail))
            });
            fits.min_by_key(|(_, _, tail)| tail.len())
        }
        Value::Null | Value::Scalar { .. } => None,
    }
}

fn duplicates(node: &Node, path: &str, found: &mut Vec<(String, Place)>) {
    match &node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => {
            for (index, item) in items
                .iter()
                .enumerate()
                .filter(|(_, item)| item.is_collection())
            {
                duplicates(item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Map(entries) => {
            let mut seen = BTreeSet::new();
            for (key, value) in entries {
                let text = key.text().unwrap_or_default();
                if !seen.insert(text) {
                    found.push((join(path, text), key.place));
                }
                if value.is_collection() {
                    duplicates(value, &join(path, text), found);
                }
            }
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
