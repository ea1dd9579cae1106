//! Profile variables: what a user is asked for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One variable. Exports in the documentation write `isHidden`, the API `hidden`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Variable {
    /// The name in `{{ .spectro.var.<name> }}`.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// `string`, `number`, `boolean`, `ipv4`, `ipv4cidr`, `ipv6`, `version`, `base64`.
    pub format: String,
    /// `text`, `dropdown` or `multiline`.
    pub input_type: String,
    /// Choices of a dropdown.
    pub options: Vec<VariableOption>,
    /// Always text, whatever the format.
    pub default_value: String,
    /// What a value has to match.
    pub regex: String,
    /// Whether there has to be a value.
    pub required: bool,
    /// Whether it is shown.
    #[serde(alias = "isHidden")]
    pub hidden: bool,
    /// Whether it stays as it was first set.
    #[serde(alias = "isImmutable")]
    pub immutable: bool,
    /// Whether it is masked.
    pub is_sensitive: bool,
}

/// A choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VariableOption {
    /// The value.
    pub value: String,
    /// The name for people.
    pub label: String,
    /// What it means.
    pub description: String,
}

/// Complaints: the key below the variable, what is wrong, what to do.
pub(super) type Complaint = (usize, &'static str, String, &'static str);

/// The rules of the documentation for all variables together.
pub(super) fn check(variables: &[Variable]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    let mut display_names = BTreeSet::new();
    for (index, variable) in variables.iter().enumerate() {
        let mut complain =
            |key, message: String, remedy| complaints.push((index, key, message, remedy));
        if variable.name.is_empty() {
            complain("name", "is missing".to_owned(), "add it");
        } else if !names.insert(&variable.name) {
            complain(
                "name",
                format!("{:?} is used twice", variable.name),
                "give each variable its own name",
            );
        }
        if !variable.display_name.is_empty() && !display_names.insert(&variable.display_name) {
            let message = format!("{:?} is used twice", variable.display_name);
            complain(
                "displayName",
                message,
                "give each variable its own display name",
            );
        }
        for (key, message, remedy) in one(variable) {
            complain(key, message, remedy);
        }
    }
    complaints
}

fn one(variable: &Variable) -> Vec<(&'static str, String, &'static str)> {
    let mut complaints = Vec::new();
    let default = &variable.default_value;
    if variable.input_type == "dropdown" {
        if variable.options.is_empty() {
            complaints.push((
                "options",
                "is empty in a dropdown".to_owned(),
                "add at least one option",
            ));
        } else if !default.is_empty()
            && !variable
                .options
                .iter()
                .any(|option| option.value == *default)
        {
            let message = format!("{default:?} is not one of the options");
            complaints.push((
                "defaultValue",
                message,
                "use the value of one of the options",
            ));
        }
    }
    let needs_default = variable.immutable || (variable.hidden && variable.required);
    if needs_default && default.is_empty() {
        let message = "is missing, and nobody can be asked for it".to_owned();
        complaints.push((
            "defaultValue",
            message,
            "add a default, or let the variable be edited",
        ));
    }
    if variable.format == "boolean" && !matches!(default.as_str(), "" | "true" | "false") {
        let message = format!("{default:?} is not a boolean");
        complaints.push(("defaultValue", message, "write true or false"));
    }
    complaints
}
