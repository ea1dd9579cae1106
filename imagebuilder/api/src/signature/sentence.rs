//! Turns a difference into a sentence that names pack, role and file.

use serde_json::Value;

use super::variable::Variable;

/// The longest value that a sentence repeats.
const MAX_SHOWN: usize = 80;

/// Where in a chain something differs.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) stage: String,
    pub(super) pack: Option<String>,
    pub(super) role: Option<String>,
    pub(super) component: Option<String>,
    pub(super) file: Option<String>,
    pub(super) variable: Option<String>,
    pub(super) field: String,
}

impl Place {
    fn subject(&self) -> String {
        let of_pack = self
            .pack
            .as_ref()
            .map_or_else(String::new, |pack| format!(" of pack {pack}"));
        if let Some(role) = &self.role {
            return format!("role {role}{of_pack}");
        }
        if let Some(component) = &self.component {
            return format!("component {component}{of_pack}");
        }
        match &self.pack {
            Some(pack) => format!("pack {pack}"),
            None => format!("stage {}", self.stage),
        }
    }

    /// The sentence. `None` stands for "is not there".
    pub(super) fn sentence(&self, left: Option<&Value>, right: Option<&Value>) -> String {
        let subject = self.subject();
        let side = match (left, right) {
            (Some(_), None) => Some("only in the first image"),
            (None, Some(_)) => Some("only in the second image"),
            _ => None,
        };
        if let Some(file) = &self.file {
            return match (side, self.field.as_str()) {
                (Some(side), _) => format!("{subject}: file {file} is {side}"),
                (None, "executable") => {
                    format!("{subject}: file {file} is executable in one image only")
                }
                (None, _) => format!("{subject}: file {file} has other content"),
            };
        }
        let what = match &self.variable {
            Some(variable) => format!("variable {variable}"),
            None => self.field.clone(),
        };
        match side {
            Some(side) if what.is_empty() => format!("{subject} is {side}"),
            Some(side) => format!("{subject}: {what} is {side}"),
            None => {
                let (left, right) = (show_side(left), show_side(right));
                if left == right {
                    return format!("{subject}: {what} differs");
                }
                format!("{subject}: {what} is {left} in the first image and {right} in the second")
            }
        }
    }
}

fn show_side(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "absent".to_owned();
    };
    match serde_json::from_value::<Variable>(value.clone()) {
        Ok(variable) => show_variable(&variable),
        Err(_) => show(value),
    }
}

/// A variable for people; of a secret only that it is one.
pub(super) fn show_variable(variable: &Variable) -> String {
    match variable {
        Variable::Plain(value) => show(value),
        Variable::Secret(_) => "(secret)".to_owned(),
    }
}

fn show(value: &Value) -> String {
    let text = match value {
        Value::Null => "absent".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= MAX_SHOWN {
        return text;
    }
    let cut: String = text.chars().take(MAX_SHOWN).collect();
    format!("{cut}…")
}
