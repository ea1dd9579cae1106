//! A JSON or YAML text as data with places, one form for both.
//!
//! YAML scalars become data by the core schema of YAML 1.2: `yes` and `on` are
//! strings. A number with a leading zero stays a string, because YAML 1.1
//! reads it as octal, 1.2 as decimal, and the text is what the author meant.

use serde_json::{Map, Number, Value as Json};

use crate::error::PackError;
use crate::manifest::json_error;
use crate::places::Places;
use crate::yaml::{self, Node, Value};

/// Bytes of a text that becomes data. 2 MiB: a profile may carry the values of
/// many packs, the longest public one of which has 289 kB.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// A parsed text.
pub(crate) struct Document {
    pub(crate) value: Json,
    pub(crate) places: Places,
}

impl Document {
    /// Parses JSON if the text begins like an object and is JSON, else YAML.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, PackError> {
        if text.len() > MAX_BYTES {
            return Err(PackError::too_large(
                format!("the text {file}"),
                format!("{MAX_BYTES} bytes"),
            ));
        }
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let json_error = match body
            .trim_start()
            .starts_with('{')
            .then(|| serde_json::from_str(body))
        {
            Some(Ok(value)) => {
                return Ok(Self {
                    value,
                    places: Places::of_json(body),
                });
            }
            Some(Err(error)) => Some(json_error(&error, file)),
            None => None,
        };
        match yaml::parse(body, file) {
            Ok(root) => Ok(Self {
                value: to_json(&root),
                places: Places::of_yaml(root),
            }),
            // What begins like JSON and is neither was meant to be JSON.
            Err(error) => Err(json_error.unwrap_or(error)),
        }
    }
}

/// Data of a YAML tree, merge keys applied: what is written beside a merge wins.
pub(crate) fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar { text, plain: false } => Json::String(text.clone()),
        Value::Scalar { text, plain: true } => scalar(text),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => Json::Object(object(entries)),
    }
}

fn object(entries: &[(Node, Node)]) -> Map<String, Json> {
    let mut map = Map::new();
    for (key, value) in entries {
        if key.text() != Some("<<") {
            map.insert(key.key_text(), to_json(value));
            continue;
        }
        for source in value.merge_sources() {
            if let Json::Object(merged) = to_json(source) {
                for (key, value) in merged {
                    map.entry(key).or_insert(value);
                }
            }
        }
    }
    map
}

fn scalar(text: &str) -> Json {
    match text {
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::String(text.to_owned()), Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    let mut rest = digits.chars();
    let first = rest.next()?;
    if !(first.is_ascii_digit() || first == '.')
        || (first == '0' && rest.next().is_some_and(|c| c.is_ascii_digit()))
    {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let whole = text.parse::<u64>().map(Number::from);
    let whole = whole.or_else(|_| text.parse::<i64>().map(Number::from));
    whole
        .ok()
        .or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}
