//! What the services' descriptions need before they are sent.

use serde_json::Value;

/// A description as it is sent. The library that writes it calls numbers that cannot be negative
/// `int32` and `int64`, which means half of what is taken; so they are called nothing.
#[must_use]
pub fn as_sent(mut document: Value) -> Value {
    unsigned(&mut document);
    document
}

fn unsigned(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let format = object.get("format").and_then(Value::as_str);
            let signed = format.is_some_and(|format| format.starts_with("int"));
            if signed && object.get("minimum") == Some(&Value::from(0)) {
                object.remove("format");
            }
            object.values_mut().for_each(unsigned);
        }
        Value::Array(items) => items.iter_mut().for_each(unsigned),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::as_sent;

    #[test]
    fn a_number_that_cannot_be_negative_has_no_signed_format() {
        let document = json!({"a": [{"format": "int32", "minimum": 0}, {"format": "int64"}], "format": "date"});
        let expected = json!({"a": [{"minimum": 0}, {"format": "int64"}], "format": "date"});
        assert_eq!(as_sent(document), expected);
    }
}
