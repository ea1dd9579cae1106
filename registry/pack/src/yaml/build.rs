//! From the parser's events to a tree, within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Node, Value};
use crate::error::{PackError, Place};

/// Bytes of a YAML text. 1 MiB: the parser needs up to two hundred times that
/// for a text in one line, and the longest public values.yaml has 289 kB.
const MAX_BYTES: usize = 1024 * 1024;
/// What a tree may weigh, and what aliases may add to it: about the bytes of
/// memory. 32 MiB is a value in every third byte of the longest text.
const MAX_WEIGHT: usize = 32 * 1024 * 1024;
/// The weight of a node beside its text.
const NODE_WEIGHT: usize = 64;
/// Collections within collections.
const MAX_DEPTH: usize = 64;

/// Parses the first document; an empty file is an empty node.
pub(crate) fn parse(text: &str, file: &str) -> Result<Node, PackError> {
    if text.len() > MAX_BYTES {
        return Err(PackError::too_large(
            format!("the text {file}"),
            format!("{MAX_BYTES} bytes"),
        ));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(file, &error))?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder
            .event(event, span)
            .map_err(|(place, message)| PackError::Malformed {
                file: file.to_owned(),
                place: Some(place),
                message: message.to_owned(),
                remedy: "write the mapping out, less deep and with fewer aliases".to_owned(),
            })?;
    }
    let empty = Node {
        place: Place { line: 1, column: 1 },
        value: Value::Null,
    };
    Ok(builder.root.unwrap_or(empty))
}

fn syntax(file: &str, error: &ScanError) -> PackError {
    let remedy = match error.info() {
        info if info.contains("tab") => "indent with spaces; YAML allows no tabs",
        info if info.contains("recursion") => "write the mapping out, less deep",
        _ => "correct the YAML at this place: look at indentation, colons and quotes",
    };
    PackError::Malformed {
        file: file.to_owned(),
        place: Some(place(error.marker())),
        message: error.info().to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn place(marker: &saphyr_parser::Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: number(marker.line()).max(1),
        column: number(marker.col()).saturating_add(1),
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    weight: usize,
    /// The weight of what was copied, for an anchor or an alias.
    copied: usize,
    root: Option<Node>,
}

struct Open {
    place: Place,
    anchor: usize,
    /// The weight of everything before this one began.
    before: usize,
    is_map: bool,
    items: Vec<Node>,
}

type Refusal = (Place, &'static str);

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Refusal> {
        let place = place(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let weight = NODE_WEIGHT + text.len();
                let text = text.into_owned();
                let value = if null {
                    Value::Null
                } else {
                    Value::Scalar { text, plain }
                };
                self.add(Node { place, value }, anchor, weight)
            }
            Event::SequenceStart(anchor, _) => self.begin(place, anchor, false),
            Event::MappingStart(anchor, _) => self.begin(place, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                // An alias that stands inside of its own anchor is not known yet.
                None => Err((place, "this alias refers to something that is not complete")),
                Some((_, weight)) if self.copied + weight > MAX_WEIGHT => Err((place, TOO_MANY)),
                Some((node, weight)) => {
                    let (copy, weight) = (node.clone(), *weight);
                    self.copied += weight;
                    self.add(Node { place, ..copy }, 0, weight)
                }
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, is_map: bool) -> Result<(), Refusal> {
        if self.open.len() >= MAX_DEPTH {
            return Err((place, "this is nested too deeply"));
        }
        self.open.push(Open {
            place,
            anchor,
            before: self.weight,
            is_map,
            items: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = if open.is_map {
            Value::Map(pairs(open.items))
        } else {
            Value::List(open.items)
        };
        let inside = self.weight - open.before;
        self.weight = open.before;
        self.add(
            Node {
                place: open.place,
                value,
            },
            open.anchor,
            inside + NODE_WEIGHT,
        )
    }

    fn add(&mut self, node: Node, anchor: usize, weight: usize) -> Result<(), Refusal> {
        self.weight += weight;
        if anchor != 0 {
            self.copied += weight;
        }
        if self.weight.max(self.copied) > MAX_WEIGHT {
            return Err((node.place, TOO_MANY));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

const TOO_MANY: &str = "there are too many values, counting what aliases stand for";

fn pairs(items: Vec<Node>) -> Vec<(Node, Node)> {
    let mut items = items.into_iter();
    let mut pairs = Vec::new();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}
