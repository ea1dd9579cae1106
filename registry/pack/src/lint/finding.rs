//! One complaint: what is wrong, exactly where, and what to do.

use std::fmt;

use serde::Serialize;

use crate::error::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack will not work as it says.
    Error,
    /// It works, but somebody will be surprised.
    Warning,
}

/// Characters of a message or key.
const MAX_CHARS: usize = 500;

/// One complaint about a pack or profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable id of the rule; see [`crate::lint::rules`].
    pub rule: &'static str,
    /// The file, relative to the pack.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// The key, such as `constraints.dependencies[0].type`.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn error(rule: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            file: file.to_owned(),
            line: None,
            column: None,
            key: None,
            message: shortened(message.into()),
            remedy: String::new(),
        }
    }

    pub(crate) fn warning(rule: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(rule, file, message)
        }
    }

    pub(crate) fn at(mut self, place: Option<Place>) -> Self {
        self.line = place.map(|p| p.line);
        self.column = place.map(|p| p.column);
        self
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(shortened(key.into()));
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// True if this alone makes a lint fail.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Keys and words of a file appear in findings, and may be as long as the file.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        let severity = if self.is_error() { "error" } else { "warning" };
        write!(f, ": {severity}: ")?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}; {} [{}]", self.message, self.remedy, self.rule)
    }
}
