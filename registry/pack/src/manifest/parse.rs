//! From text to [`PackManifest`].

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{PackManifest, schema};
use crate::error::{PackError, ParseError, Place};
use crate::lint::{self, Finding, rules};
use crate::places::Places;

/// Bytes of a `pack.json`. 256 KiB; public ones have about one.
const MAX_BYTES: usize = 256 * 1024;

pub(super) fn parse(text: &str, file: &str) -> Result<PackManifest, PackError> {
    if text.len() > MAX_BYTES {
        return Err(PackError::too_large(
            format!("the text {file}"),
            format!("{MAX_BYTES} bytes"),
        ));
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(body).map_err(|error| json_error(&error, file))?;
    let places = Places::of_json(body);
    let blocking: Vec<Finding> = schema::check(&value, file, &places)
        .into_iter()
        .filter(|complaint| complaint.blocks)
        .map(|complaint| complaint.finding)
        .collect();
    if !blocking.is_empty() {
        return Err(PackError::Invalid(lint::capped(blocking)));
    }
    let Value::Object(object) = value else {
        // The schema check has refused everything else.
        return Err(PackError::missing(
            "the object",
            file,
            "begin the file with {",
        ));
    };
    Reader {
        object,
        file,
        places: &places,
    }
    .manifest(text)
}

/// Turns a syntax error into one that says what to do about it.
pub(crate) fn json_error(error: &serde_json::Error, file: &str) -> PackError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let remedy = if error.is_eof() {
        "the file ends too early: add what is missing at its end"
    } else if message.contains("trailing comma") {
        "remove the comma before the closing bracket"
    } else if message.contains("expected `,`") {
        "add the comma that is missing before this place"
    } else if message.contains("expected value") {
        "put strings into double quotes; comments and other words are not allowed in JSON"
    } else if message.contains("trailing characters") {
        "remove what follows the end of the object"
    } else {
        "correct the JSON at this place"
    };
    PackError::Malformed {
        file: file.to_owned(),
        place: place_of(error),
        message,
        remedy: remedy.to_owned(),
    }
}

fn place_of(error: &serde_json::Error) -> Option<Place> {
    let line = u32::try_from(error.line()).ok().filter(|line| *line > 0)?;
    let column = u32::try_from(error.column()).ok()?.max(1);
    Some(Place { line, column })
}

struct Reader<'a> {
    object: Map<String, Value>,
    file: &'a str,
    places: &'a Places,
}

impl Reader<'_> {
    fn manifest(mut self, text: &str) -> Result<PackManifest, PackError> {
        let mut cloud_types: Vec<String> = self.take("cloudTypes")?.unwrap_or_default();
        if let Some(single) = self.take::<String>("cloudType")?
            && !cloud_types.contains(&single)
        {
            cloud_types.push(single);
        }
        Ok(PackManifest {
            name: self.identifier("name", rules::PACK_NAME)?,
            display_name: self.take("displayName")?.unwrap_or_default(),
            version: self.identifier("version", rules::VERSION)?,
            layer: self.identifier("layer", rules::SCHEMA)?,
            cloud_types,
            annotations: self
                .take::<BTreeMap<_, _>>("annotations")?
                .unwrap_or_default(),
            charts: self.take("charts")?.unwrap_or_default(),
            kube_manifests: self.take("kubeManifests")?.unwrap_or_default(),
            ansible_roles: self.take("ansibleRoles")?.unwrap_or_default(),
            addon_type: self.take("addonType")?,
            addon_sub_type: self.take("addonSubType")?,
            group: self.take("group")?,
            eol: self.take("eol")?,
            constraints: self.take("constraints")?,
            extra: self.object,
            raw: text.to_owned(),
        })
    }

    fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, PackError> {
        // `shift_remove` keeps the order of the unknown keys that stay.
        let Some(value) = self.object.shift_remove(key) else {
            return Ok(None);
        };
        match serde_json::from_value(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                Err(self.refuse(rules::SCHEMA, key, error.to_string(), "correct the value"))
            }
        }
    }

    fn identifier<T>(&mut self, key: &str, rule: &'static str) -> Result<T, PackError>
    where
        T: std::str::FromStr<Err = ParseError>,
    {
        let text: String = self.take(key)?.unwrap_or_default();
        text.parse().map_err(|e: ParseError| {
            self.refuse(rule, key, format!("{text:?} {}", e.why()), e.remedy())
        })
    }

    fn refuse(&self, rule: &'static str, key: &str, message: String, remedy: &str) -> PackError {
        let finding = Finding::error(rule, self.file, message).key(key);
        PackError::Invalid(vec![finding.at(self.places.get(key)).remedy(remedy)])
    }
}
