//! Variables that are secrets by their name: nobody has to mark what is called a password.

use serde_json::{Map, Value};

/// Whether a variable is a secret by its name: the last word of it says so.
fn is_named_like_a_secret(name: &str) -> bool {
    const WORDS: [&str; 12] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "credentials",
        "apikey",
        "api_key",
        "private_key",
        "access_key",
        "secret_key",
    ];
    let mut plain = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '-' | '.' => plain.push('_'),
            upper if upper.is_ascii_uppercase() => {
                plain.push('_');
                plain.push(upper.to_ascii_lowercase());
            }
            other => plain.push(other),
        }
    }
    WORDS.iter().any(|word| {
        plain
            .strip_suffix(word)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// The values of variables that are secrets by their name, at any depth.
pub(super) fn secrets(variables: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, value) in variables {
        match value {
            Value::Object(inner) => secrets(inner, found),
            Value::String(text) if is_named_like_a_secret(name) => found.push(text.clone()),
            Value::Number(number) if is_named_like_a_secret(name) => {
                found.push(number.to_string());
            }
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(inner) => secrets(inner, found),
                        Value::String(text) if is_named_like_a_secret(name) => {
                            found.push(text.clone());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_secrets_are_known_by_their_last_word() {
        for name in [
            "password",
            "db_password",
            "dbPassword",
            "api-key",
            "awsSecretKey",
            "github.token",
        ] {
            assert!(is_named_like_a_secret(name), "{name}");
        }
        for name in [
            "password_length",
            "tokens_path",
            "secretary",
            "keystone",
            "broken",
        ] {
            assert!(!is_named_like_a_secret(name), "{name}");
        }
        let values = json!({"a": {"password": "p-one"}, "list": [{"token": "t-two"}], "port": 1});
        let mut found = Vec::new();
        secrets(values.as_object().unwrap(), &mut found);
        assert_eq!(found, ["p-one", "t-two"]);
    }
}
