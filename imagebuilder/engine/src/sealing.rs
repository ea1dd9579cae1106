//! The role `seal` as one script for the connection that is open: its own files, laid out as its tasks do.
//!
//! A start of Ansible for two tasks takes an emulated guest longer than the cleaning. What is
//! removed stands in the role alone.

use serde_json::{Map, Value};

use crate::ansible::Collection;
use crate::failure::Failure;
use crate::ssh::{BUILD_USER, quote};

const ROLE: &str = "seal";
/// Files of the role, and where its tasks put them.
const FILES: [&str; 2] = [
    "run/packyard-seal/seal.sh",
    "run/systemd/system/packyard-seal.service",
];
/// The role's template of that name writes the same.
const SETTINGS: &str = "run/packyard-seal/settings";
const USER: &str = "seal_build_user";

/// The script, with the variables that the pack gives over the role's defaults.
pub(crate) fn script(given: &Map<String, Value>) -> Result<String, Failure> {
    let mut script = "set -e\numask 077\nmkdir -p /run/packyard-seal\n".to_owned();
    for path in FILES {
        let text = Collection.text(&format!("roles/{ROLE}/files/{path}"));
        put(&mut script, path, text);
    }
    put(&mut script, SETTINGS, &settings(given)?);
    script.push_str("bash /run/packyard-seal/seal.sh now\n");
    Ok(script)
}

fn put(script: &mut String, path: &str, text: &str) {
    script.push_str(&format!("printf %s {} >/{path}\n", quote(text)));
}

/// One assignment for each variable that the role has.
fn settings(given: &Map<String, Value>) -> Result<String, Failure> {
    let defaults = Collection
        .defaults(ROLE)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    let mut text = String::new();
    for (name, default) in &defaults {
        let word = if name == USER {
            quote(BUILD_USER)
        } else {
            word(name, default, given.get(name).unwrap_or(default))?
        };
        text.push_str(&format!("{name}={word}\n"));
    }
    Ok(text)
}

/// A value as a word of the shell; it must be of its default's type.
fn word(name: &str, default: &Value, value: &Value) -> Result<String, Failure> {
    let word = match (default, value) {
        (Value::Bool(_), Value::Bool(yes)) => Some(yes.to_string()),
        (Value::String(_), Value::String(text)) => Some(quote(text)),
        (Value::Array(_), Value::Array(items)) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            words.map(|words| quote(&words.join(" ")))
        }
        _ => None,
    };
    word.ok_or_else(|| {
        let wanted = match default {
            Value::Bool(_) => "true or false",
            Value::Array(_) => "a list of texts",
            _ => "a text",
        };
        let message = format!(
            "variable {name} of role {ROLE} is {value} and must be {wanted}; change imageBuilder.{ROLE}.{name} in the values of the operating system pack"
        );
        Failure::person("ValueInvalid", message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(given: Value) -> Result<String, String> {
        let given = given.as_object().cloned().unwrap_or_default();
        settings(&given).map_err(|failure| failure.message)
    }

    #[test]
    fn variables_lie_over_the_defaults_of_the_role() {
        let text = of(json!({
            "seal_hold_packages": false, "seal_extra_paths": ["/opt/a*", "/srv/b"],
            "seal_hostname": "it's", "seal_build_user": "root", "unknown": 1,
        }));
        let expected = [
            "seal_build_user='packyard-build'",
            "seal_extra_paths='/opt/a* /srv/b'",
            "seal_hold_packages=false",
            r"seal_hostname='it'\''s'",
            "seal_mask_apt_timers=true",
            "seal_trim=true",
        ];
        let mut lines: Vec<String> = text.unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_value_of_another_type_is_refused_by_name() {
        let refused = of(json!({"seal_trim": "yes"})).unwrap_err();
        assert!(
            refused.contains("seal_trim") && refused.contains("true or false"),
            "{refused}"
        );
        let refused = of(json!({"seal_extra_paths": [1]})).unwrap_err();
        assert!(refused.contains("seal_extra_paths"), "{refused}");
    }

    /// The template of the role and this file write the same names, and the script knows all of them.
    #[test]
    fn the_role_and_the_builder_write_the_same_settings() {
        let template = Collection.text("roles/seal/templates/run/packyard-seal/settings.j2");
        let names = |text: &str| {
            let assigned = text.lines().filter_map(|line| line.split_once('='));
            let mut names: Vec<String> = assigned.map(|(name, _)| name.to_owned()).collect();
            names.sort();
            names
        };
        let written = names(&of(json!({})).unwrap());
        assert_eq!(names(template), written);
        let script = script(&Map::new()).unwrap();
        for name in written {
            assert!(script.contains(&format!("${name}")), "{name} is not used");
        }
    }

    #[tokio::test]
    async fn the_script_lays_out_the_files_of_the_role() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        std::fs::create_dir_all(run.join("systemd/system")).unwrap();
        let script = script(&Map::new())
            .unwrap()
            .replace("/run/", &format!("{}/", run.display()));
        let laid_out = script.replace("bash ", "true ");
        let mut command = tokio::process::Command::new("bash");
        command.args(["-c", &laid_out]);
        let limit = std::time::Duration::from_secs(15);
        let output = crate::process::run(command, None, limit, 1 << 20)
            .await
            .unwrap();
        assert!(output.success(), "{}", output.complaint());
        let unit =
            std::fs::read_to_string(run.join("systemd/system/packyard-seal.service")).unwrap();
        assert!(unit.contains("seal.sh final"), "{unit}");
        let settings = std::fs::read_to_string(run.join("packyard-seal/settings")).unwrap();
        assert!(settings.contains("seal_trim=true"), "{settings}");
    }
}
