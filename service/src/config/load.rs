//! Reads the file and the environment into the sections, and writes the
//! reference. It collects every complaint instead of stopping at the first.

use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::{ConfigError, ConfigErrors, Section};

/// A word this similar to what was typed is offered as what was meant.
const SIMILAR: f64 = 0.7;

/// Reads the text of a file into the sections.
///
/// # Errors
/// All complaints, each with line, column and key.
pub fn apply_file(
    text: &str,
    file: &str,
    sections: &mut [&mut dyn Section],
) -> Result<(), ConfigErrors> {
    let reader = Reader { text, file };
    let document = DeTable::parse(text).map_err(|error| {
        let message = error.message().to_owned();
        ConfigErrors(vec![reader.complain(error.span(), None, message, None)])
    })?;
    let mut errors = Vec::new();
    for (name, table) in document.into_inner() {
        reader.table(&name, table, sections, &mut errors);
    }
    // The parser sorts keys by name; people read from the top.
    errors.sort_by_key(|error| error.place);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(ConfigErrors(errors)),
    }
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
}

impl Reader<'_> {
    fn table(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        table: Spanned<DeValue<'_>>,
        sections: &mut [&mut dyn Section],
        errors: &mut Vec<ConfigError>,
    ) {
        let known: Vec<&str> = sections.iter().map(|section| section.name()).collect();
        let word = name.get_ref().as_ref();
        let Some(at) = known.iter().position(|known| *known == word) else {
            let remedy = suggest(word, &known, "tables");
            let message = "no such table".to_owned();
            errors.push(self.complain(
                Some(name.span()),
                Some(word.to_owned()),
                message,
                Some(remedy),
            ));
            return;
        };
        let span = table.span();
        let DeValue::Table(keys) = table.into_inner() else {
            let remedy = format!("write it as a table: [{word}]");
            let message = "is not a table".to_owned();
            errors.push(self.complain(Some(span), Some(word.to_owned()), message, Some(remedy)));
            return;
        };
        for (key, value) in keys {
            self.key(&key, value, sections[at], errors);
        }
    }

    fn key(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: Spanned<DeValue<'_>>,
        section: &mut dyn Section,
        errors: &mut Vec<ConfigError>,
    ) {
        let word = key.get_ref().as_ref();
        let path = format!("{}.{word}", section.name());
        let fields = section.fields();
        let known: Vec<&str> = fields.iter().map(|field| field.key).collect();
        if !known.contains(&word) {
            let remedy = suggest(word, &known, "keys");
            errors.push(self.complain(
                Some(key.span()),
                Some(path),
                "no such key".to_owned(),
                Some(remedy),
            ));
            return;
        }
        let span = value.span();
        let read = Value::deserialize(ValueDeserializer::from(value))
            .map_err(|error| error.message().to_owned())
            .and_then(|value| section.set(word, value));
        if let Err(message) = read {
            errors.push(self.complain(Some(span), Some(path), message, None));
        }
    }

    fn complain(
        &self,
        span: Option<Range<usize>>,
        key: Option<String>,
        message: String,
        remedy: Option<String>,
    ) -> ConfigError {
        let place = span
            .and_then(|span| self.text.get(..span.start))
            .map(|before| {
                let line = before.matches('\n').count() + 1;
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                (line, before[start..].chars().count() + 1)
            });
        ConfigError {
            source: self.file.to_owned(),
            place,
            key,
            message,
            remedy,
        }
    }
}

/// Reads the environment into the sections; it wins over the file.
///
/// # Errors
/// All complaints, each with the variable and the key.
pub fn apply_environment(
    read: impl Fn(&str) -> Option<String>,
    sections: &mut [&mut dyn Section],
) -> Result<(), ConfigErrors> {
    let mut errors = Vec::new();
    for section in sections {
        for field in section.fields() {
            let Some(text) = read(field.environment) else {
                continue;
            };
            if let Err(message) = set_text(*section, field.key, &text) {
                errors.push(ConfigError {
                    source: format!("environment variable {}", field.environment),
                    place: None,
                    key: Some(format!("{}.{}", section.name(), field.key)),
                    message,
                    remedy: None,
                });
            }
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(ConfigErrors(errors)),
    }
}

/// A variable has no quotes: it is a number, truth value or list where it can
/// be read as one and the key wants one, and else the text itself.
fn set_text(section: &mut dyn Section, key: &str, text: &str) -> Result<(), String> {
    let as_text = section.set(key, Value::String(text.to_owned()));
    let Err(complaint) = as_text else {
        return Ok(());
    };
    let value = ValueDeserializer::parse(text)
        .ok()
        .and_then(|read| Value::deserialize(read).ok());
    match value {
        Some(Value::String(_)) | None => Err(complaint),
        Some(value) => section.set(key, value),
    }
}

/// The configuration reference as Markdown.
pub fn reference(sections: &[&dyn Section]) -> String {
    let mut text = String::from(
        "# Configuration\n\nOne TOML file, named with `--config FILE`. Every key may be left out. \
         The environment wins over the file, and the command line over both.\n",
    );
    for section in sections {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n## `[{}]`\n\n{}\n", section.name(), section.doc());
        for field in section.fields() {
            let default = match &field.default {
                Some(default) => format!("`{default}`"),
                None => "not set".to_owned(),
            };
            let _ = write!(
                text,
                "\n### `{}.{}`\n\n{}\n\n- Default: {default}\n- Environment: `{}`\n",
                section.name(),
                field.key,
                field.doc,
                field.environment
            );
        }
    }
    text
}

fn suggest(word: &str, known: &[&str], what: &str) -> String {
    let similar = known
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(score, _)| *score >= SIMILAR)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    match similar {
        Some((_, meant)) => format!("did you mean {meant}?"),
        None => format!("the {what} are {}", known.join(", ")),
    }
}
