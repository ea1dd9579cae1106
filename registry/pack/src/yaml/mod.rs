//! A YAML text as a tree that knows the line of everything in it.
//!
//! Built straight from the parser's events, because the finished trees of the
//! YAML libraries either forget the places or have no bound on depth and on
//! what aliases expand to. Merge keys (`<<`) are honoured on lookup.
//! Only for looking; the text itself is never written back.

mod build;

pub(crate) use build::parse;

use crate::error::Place;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a node is. Scalars stay text, and remember whether they were plain,
/// that is, without quotes or tag; a plain `null`, `~` or nothing is Null.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The value of `key`, looking through merge keys.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let own = entries.iter().find(|(k, _)| k.text() == Some(key));
        own.map(|(_, v)| v).or_else(|| {
            let merged = entries.iter().filter(|(k, _)| k.text() == Some("<<"));
            merged
                .flat_map(|(_, v)| v.merge_sources())
                .find_map(|source| source.get(key))
        })
    }

    /// Walks down mappings.
    pub(crate) fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A key as text; a key that is `null` or a collection has none.
    pub(crate) fn key_text(&self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    pub(crate) fn merge_sources(&self) -> Vec<&Self> {
        match &self.value {
            Value::List(sources) => sources.iter().collect(),
            _ => vec![self],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// True for nothing, an empty text, an empty list or an empty mapping.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Scalar { text, .. } => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    pub(crate) fn is_collection(&self) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "empty",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
