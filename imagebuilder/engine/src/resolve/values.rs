//! Reads variables of roles out of a pack's `values.yaml`, or out of the values that a profile puts in its place.
//!
//! It keeps types: a number stays a number, because the signature tells them apart.

use std::collections::BTreeMap;

use registry_pack::values::{ANSIBLE_ROLES, IMAGE_BUILDER, role_variables};
use serde_json::{Map, Value};

use crate::resolve::ResolveError;

/// The values of one pack, the profile's variables filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RoleValues {
    text: String,
    file: String,
}

impl RoleValues {
    /// Takes values; `of` names the pack in errors.
    pub(crate) fn new(text: Option<&str>, of: &str, variables: &BTreeMap<String, String>) -> Self {
        Self {
            text: substitute(text.unwrap_or_default(), variables),
            file: format!("values.yaml of {of}"),
        }
    }

    /// The variables of a role of the pack: `ansibleRoles.<role>.<variable>`.
    pub(crate) fn of_role(&self, role: &str) -> Result<Map<String, Value>, ResolveError> {
        self.read(ANSIBLE_ROLES, role)
    }

    /// The variables of a built-in role: `imageBuilder.<role>.<variable>`.
    pub(crate) fn of_built_in(&self, role: &str) -> Result<Map<String, Value>, ResolveError> {
        self.read(IMAGE_BUILDER, role)
    }

    fn read(&self, section: &str, role: &str) -> Result<Map<String, Value>, ResolveError> {
        // Without the section there is nothing to read; and text with macros of other layers need not be YAML.
        let has_section = self.text.lines().any(|line| {
            line.strip_prefix(section)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        if !has_section && !self.text.trim_start().starts_with('{') {
            return Ok(Map::new());
        }
        role_variables(&self.text, &self.file, section, role).map_err(ResolveError::pack)
    }
}

/// Puts the profile's variables where the values say `{{.spectro.var.NAME}}`.
fn substitute(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}").map(|at| start + at + 2) else {
            break;
        };
        let name = rest[start + 2..end - 2]
            .trim()
            .strip_prefix(".spectro.var.");
        out.push_str(&rest[..start]);
        match name.and_then(|name| variables.get(name.trim())) {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[start..end]),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> RoleValues {
        let variables = BTreeMap::from([("port".to_owned(), "8080".to_owned())]);
        RoleValues::new(Some(text), "demo", &variables)
    }

    #[test]
    fn variables_keep_their_types_and_macros_are_filled_in() {
        let values =
            values("ansibleRoles:\n  web:\n    port: {{.spectro.var.port}}\n    name: \"8080\"\n");
        assert_eq!(
            Value::Object(values.of_role("web").unwrap()),
            json!({"port": 8080, "name": "8080"})
        );
        assert!(values.of_role("other").unwrap().is_empty());
        assert!(values.of_built_in("harden").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_mapping_is_named() {
        let said = values("ansibleRoles:\n  web: [1]\n")
            .of_role("web")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("ansibleRoles.web") && said.contains("demo"),
            "{said}"
        );
    }

    #[test]
    fn templates_of_other_layers_do_not_stop_a_build() {
        assert!(
            values("a: {{ .x }}\nb: {{ y\n")
                .of_role("web")
                .unwrap()
                .is_empty()
        );
    }
}
