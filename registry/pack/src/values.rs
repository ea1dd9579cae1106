//! Reading variables out of a `values.yaml`.
//!
//! The text itself is what is stored and exchanged; this is how the image
//! builder looks into it. Two places are ours to read: `ansibleRoles.<role>`
//! holds the variables of a role that the pack brings (the vendor's form), and
//! `imageBuilder.<role>` those of a role that is built in.

use serde_json::{Map, Value};

use crate::document::Document;
use crate::error::PackError;
use crate::lint::{Finding, rules};

/// Section with the variables of a pack's own roles.
pub const ANSIBLE_ROLES: &str = "ansibleRoles";
/// Section with the variables of built-in roles.
pub const IMAGE_BUILDER: &str = "imageBuilder";

/// The variables in `<section>.<role>`; empty if there are none.
///
/// # Errors
/// [`PackError::Malformed`] if the text is no YAML, [`PackError::Invalid`] if
/// what stands there is no mapping.
pub fn role_variables(
    text: &str,
    file: &str,
    section: &str,
    role: &str,
) -> Result<Map<String, Value>, PackError> {
    let mut document = Document::parse(text, file)?;
    let mut value = document.value.take();
    if value.is_null() {
        return Ok(Map::new()); // an empty file
    }
    let mut path = String::new();
    for key in [section, role] {
        let Value::Object(mut map) = value else {
            return Err(not_a_mapping(file, &path, &document));
        };
        path = crate::places::join(&path, key);
        value = match map.remove(key) {
            None | Some(Value::Null) => return Ok(Map::new()),
            Some(value) => value,
        };
    }
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(not_a_mapping(file, &path, &document)),
    }
}

fn not_a_mapping(file: &str, path: &str, document: &Document) -> PackError {
    let path = if path.is_empty() {
        "(whole file)"
    } else {
        path
    };
    let finding = Finding::error(rules::VALUES_SYNTAX, file, "is not a mapping")
        .key(path)
        .at(document.places.get(path))
        .remedy("write one `name: value` per line below it");
    PackError::Invalid(vec![finding])
}
