//! Reads a `WWW-Authenticate` header: one scheme and its parameters.

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token from the service named.
    Bearer {
        /// The token service's address.
        realm: String,
        /// What to call the server there.
        service: Option<String>,
    },
}

impl Challenge {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut realm = None;
        let mut service = None;
        for (key, value) in parameters(rest) {
            match key.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
        }
        Some(Self::Bearer {
            realm: realm?,
            service,
        })
    }
}

/// `key="value"` pairs separated by commas; a quoted value may hold commas.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((key.trim().to_owned(), value));
        rest = next.trim_start_matches([' ', ',']);
    }
    found
}

fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    #[test]
    fn reads_what_servers_send() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            })
        };
        let check = |text: &str, expect: Option<Challenge>| {
            assert_eq!(Challenge::parse(text), expect, "{text}");
        };
        check("Basic realm=\"packyard\"", Some(Challenge::Basic));
        check("basic", Some(Challenge::Basic));
        check(
            r#"Bearer realm="https://auth.example/token",service="reg",scope="repository:a:pull,push""#,
            bearer("https://auth.example/token", Some("reg")),
        );
        check(
            r#"BEARER service=reg, realm="a\"b""#,
            bearer("a\"b", Some("reg")),
        );
        check("Bearer service=\"x\"", None);
        check("Negotiate abc", None);
        check("Bearer realm=\"unfinished", bearer("unfinished", None));
        check("", None);
    }
}
