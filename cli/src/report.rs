//! Findings of lint, for people and as JSON.

use registry_pack::lint::Finding;
use serde_json::{Value, json};

use crate::error::CliError;

/// The findings about one file or folder.
pub(crate) struct Report {
    subject: String,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(subject: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self {
            subject: subject.into(),
            findings,
        }
    }

    pub(crate) fn errors(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.is_error())
            .count()
    }

    fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "subject": self.subject,
            "errors": self.errors(),
            "warnings": self.warnings(),
            "findings": self.findings,
        })
    }

    /// One line for each finding, and a summary.
    pub(crate) fn to_text(&self) -> String {
        let mut lines: Vec<String> = self.findings.iter().map(ToString::to_string).collect();
        lines.push(match self.findings.is_empty() {
            true => format!("{}: no complaints", self.subject),
            false => format!(
                "{}: {}, {}",
                self.subject,
                count(self.errors(), "error"),
                count(self.warnings(), "warning")
            ),
        });
        lines.join("\n")
    }

    /// The failure of a lint, if there are errors.
    pub(crate) fn verdict(&self) -> Result<(), CliError> {
        match self.errors() {
            0 => Ok(()),
            errors => {
                Err(
                    CliError::refused(format!("{} has {}", self.subject, count(errors, "error")))
                        .hint("each line above says where and what to write instead"),
                )
            }
        }
    }
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
