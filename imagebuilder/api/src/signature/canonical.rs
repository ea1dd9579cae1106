//! Writes JSON values so that canonical JSON loses nothing of them.
//!
//! RFC 8785 knows one kind of number, the double: it writes `1` and `1.0` alike,
//! and integers above 2^53 run together. A role sees the difference, so it has to
//! move the signature. Hence every number that is not a small integer is
//! written as text under a marked key, `{"$float": "1.0"}` or
//! `{"$integer": "9007199254740993"}`, and a key of the value's own that begins
//! with `$` gets another `$` in front. Each value has exactly one such form.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Number, Value};

/// Up to here doubles count every integer.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;
const FLOAT: &str = "$float";
const INTEGER: &str = "$integer";

pub(super) fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    encode(value).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    decode(Value::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn encode(value: &Value) -> Value {
    match value {
        Value::Number(number) => encode_number(number),
        Value::Array(items) => Value::Array(items.iter().map(encode).collect()),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| (escape(key), encode(value));
            Value::Object(entries.iter().map(entry).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

fn encode_number(number: &Number) -> Value {
    let marked = |key: &str| {
        let mut object = Map::new();
        object.insert(key.to_owned(), Value::String(number.to_string()));
        Value::Object(object)
    };
    match number.as_i64() {
        Some(integer) if integer.abs_diff(0) <= MAX_SAFE_INTEGER.unsigned_abs() => {
            Value::Number(number.clone())
        }
        _ if number.is_f64() => marked(FLOAT),
        _ => marked(INTEGER),
    }
}

fn escape(key: &str) -> String {
    if key.starts_with('$') {
        format!("${key}")
    } else {
        key.to_owned()
    }
}

fn decode(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(decode)
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Object(entries) => decode_object(entries),
        Value::Number(number) if number.is_f64() => {
            Err(format!("the number {number} must be written as {FLOAT}"))
        }
        other => Ok(other),
    }
}

fn decode_object(entries: Map<String, Value>) -> Result<Value, String> {
    if entries.len() == 1 {
        if let Some(Value::String(text)) = entries.get(FLOAT) {
            let float: f64 = text
                .parse()
                .map_err(|_| format!("{text:?} is not a number"))?;
            return Number::from_f64(float)
                .map(Value::Number)
                .ok_or_else(|| format!("{text:?} is not a finite number"));
        }
        if let Some(Value::String(text)) = entries.get(INTEGER) {
            let signed = text.parse::<i64>().map(Number::from);
            let number = signed.or_else(|_| text.parse::<u64>().map(Number::from));
            return number
                .map(Value::Number)
                .map_err(|_| format!("{text:?} is not a 64-bit integer"));
        }
    }
    let mut decoded = Map::new();
    for (key, value) in entries {
        let key = match key.strip_prefix('$') {
            Some(rest) if rest.starts_with('$') => rest.to_owned(),
            Some(_) => return Err(format!("the key {key:?} is not known")),
            None => key,
        };
        decoded.insert(key, decode(value)?);
    }
    Ok(Value::Object(decoded))
}
