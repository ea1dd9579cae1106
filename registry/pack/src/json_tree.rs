//! A JSON text as a tree that knows the line of everything in it.
//!
//! The JSON library tells the place of a syntax error, but not the place of a
//! value that is well-formed and wrong. This walks a text that the library has
//! already accepted, whose depth is therefore bounded.

use crate::error::Place;
use crate::yaml::{Node, Value};

/// None only says that the text was not JSON.
pub(crate) fn parse(text: &str) -> Option<Node> {
    Walker {
        rest: text,
        place: Place { line: 1, column: 1 },
    }
    .value()
}

struct Walker<'a> {
    rest: &'a str,
    place: Place,
}

impl Walker<'_> {
    fn value(&mut self) -> Option<Node> {
        self.skip_space();
        let place = self.place;
        let value = match self.rest.chars().next()? {
            '{' => self.object()?,
            '[' => self.array()?,
            '"' => Value::Scalar {
                text: self.string()?,
                plain: false,
            },
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t']);
                let end = end.unwrap_or(self.rest.len());
                let text = self.rest.get(..end)?.to_owned();
                self.advance(end);
                Value::Scalar { text, plain: true }
            }
        };
        Some(Node { place, value })
    }

    fn object(&mut self) -> Option<Value> {
        let mut entries = Vec::new();
        self.advance(1);
        while !self.ends_with('}')? {
            let place = self.place;
            let key = Value::Scalar {
                text: self.string()?,
                plain: false,
            };
            self.skip_space();
            self.advance(1); // the colon
            entries.push((Node { place, value: key }, self.value()?));
        }
        Some(Value::Map(entries))
    }

    fn array(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        self.advance(1);
        while !self.ends_with(']')? {
            items.push(self.value()?);
        }
        Some(Value::List(items))
    }

    /// Passes over spaces and commas, and over the bracket if that is next.
    fn ends_with(&mut self, bracket: char) -> Option<bool> {
        loop {
            self.skip_space();
            let next = self.rest.chars().next()?;
            if next == bracket || next == ',' {
                self.advance(1);
            }
            if next != ',' {
                return Some(next == bracket);
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let inside = self.rest.strip_prefix('"')?;
        let end = inside.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let text = serde_json::from_str(self.rest.get(..end + 2)?).ok()?;
        self.advance(end + 2);
        Some(text)
    }

    fn skip_space(&mut self) {
        let end = self.rest.find(|c: char| !c.is_ascii_whitespace());
        self.advance(end.unwrap_or(self.rest.len()));
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
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
