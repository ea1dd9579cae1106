//! The file: `{"auths": {"HOST": {"auth": "<base64 of user:password>"}}, …}`.
//! Keys that are not ours are kept.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Credential;
use crate::error::ClientError;

/// A file larger than this holds no credentials.
const MAX_BYTES: u64 = 4 << 20;
/// The key under which the largest public registry has always been stored.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The file's content.
#[derive(Default)]
pub(super) struct AuthFile(Map<String, Value>);

impl AuthFile {
    /// Reads the file; one that does not exist is empty.
    pub(super) fn read(path: &Path) -> Result<Self, ClientError> {
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ClientError::io("read", path)(error)),
        };
        let refuse = |why: String| ClientError::Credentials(format!("{}: {why}", path.display()));
        if meta.len() > MAX_BYTES {
            return Err(refuse("the file is larger than 4 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(ClientError::io("read", path))?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(refuse("the file is no JSON object".to_owned())),
            Err(error) => Err(refuse(format!("{error}; edit or remove the file"))),
        }
    }

    /// Writes the file whole or not at all, readable by its owner only.
    pub(super) fn write(&self, path: &Path) -> Result<(), ClientError> {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(ClientError::io("create", folder))?;
        let text = serde_json::to_string_pretty(&self.0).expect("a JSON map has string keys");
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(ClientError::io("write", path))
    }

    /// The helper program for a host, if the file names one.
    pub(super) fn helper(&self, host: &str) -> Option<String> {
        let of_host = self.0.get("credHelpers").and_then(|map| map.get(host));
        let name = of_host.or_else(|| self.0.get("credsStore"))?.as_str()?;
        (!name.is_empty()).then(|| format!("docker-credential-{name}"))
    }

    /// What the file itself holds for a host.
    pub(super) fn find(&self, host: &str) -> Result<Option<Credential>, ClientError> {
        let Some(auths) = self.0.get("auths").and_then(Value::as_object) else {
            return Ok(None);
        };
        let entry = auths.iter().find(|(key, _)| same_host(key, host));
        match entry {
            Some((_, entry)) => read_entry(host, entry),
            None => Ok(None),
        }
    }

    pub(super) fn set(&mut self, host: &str, user: &str, password: &str) {
        self.remove(host);
        let auth = STANDARD.encode(format!("{user}:{password}"));
        let auths = self.0.entry("auths").or_insert_with(|| json!({}));
        if !auths.is_object() {
            *auths = json!({});
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(host.to_owned(), json!({ "auth": auth }));
        }
    }

    pub(super) fn remove(&mut self, host: &str) -> bool {
        let Some(auths) = self.0.get_mut("auths").and_then(Value::as_object_mut) else {
            return false;
        };
        let before = auths.len();
        auths.retain(|key, _| !same_host(key, host));
        auths.len() != before
    }
}

fn read_entry(host: &str, entry: &Value) -> Result<Option<Credential>, ClientError> {
    let text = |key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    if let Some(token) = text("registrytoken") {
        return Ok(Some(Credential::Token(token.to_owned())));
    }
    if let Some(auth) = text("auth") {
        let decoded = STANDARD
            .decode(auth)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
        let Some((user, password)) = pair else {
            return Err(ClientError::Credentials(format!(
                "the entry of {host} cannot be read; log in again"
            )));
        };
        return Ok(Some(Credential::Password {
            user: user.to_owned(),
            password: password.trim_end_matches('\0').to_owned(),
        }));
    }
    match (text("username"), text("password")) {
        (Some(user), Some(password)) => Ok(Some(Credential::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        })),
        _ => Ok(None),
    }
}

/// Some tools write the host alone, others with a scheme and a path.
fn same_host(key: &str, host: &str) -> bool {
    let docker_hub = matches!(
        host,
        "docker.io" | "index.docker.io" | "registry-1.docker.io"
    );
    if docker_hub && key == DOCKER_HUB_KEY {
        return true;
    }
    let bare = key
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let bare = bare.split('/').next().unwrap_or(bare);
    bare == host
}

#[cfg(test)]
mod tests {
    use super::{AuthFile, Credential};

    fn parse(text: &str) -> AuthFile {
        AuthFile(serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn finds_a_host_however_it_is_written() {
        let file = parse(
            r#"{"auths": {"https://a.example/v2/": {"auth": "dXNlcjpwYXNz"},
                "b.example:5000": {"username": "u", "password": "p:q"}, "c.example": {}}}"#,
        );
        let password = |user: &str, password: &str| Credential::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        let check = |host: &str, expect: Option<Credential>| {
            assert_eq!(file.find(host).expect("readable"), expect, "{host}");
        };
        check("a.example", Some(password("user", "pass")));
        check("b.example:5000", Some(password("u", "p:q")));
        check("b.example", None);
        check("c.example", None);
    }

    #[test]
    fn keeps_what_is_not_ours_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/config.json");
        let mut file = parse(r#"{"psFormat": "x", "auths": {"h": {"auth": "b2xkOm9sZA=="}}}"#);
        file.set("h", "user", "new");
        file.write(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.contains("psFormat"));
        assert_eq!(
            std::fs::metadata(&path).expect("meta").permissions().mode() & 0o777,
            0o600
        );
        let mut again = AuthFile::read(&path).expect("read");
        assert!(
            matches!(again.find("h"), Ok(Some(Credential::Password { password, .. })) if password == "new")
        );
        assert!(again.remove("h") && !again.remove("h"));
    }

    #[test]
    fn a_helper_of_the_host_goes_before_the_common_one() {
        let file = parse(r#"{"credsStore": "all", "credHelpers": {"a.example": "one"}}"#);
        assert_eq!(
            file.helper("a.example").as_deref(),
            Some("docker-credential-one")
        );
        assert_eq!(
            file.helper("b.example").as_deref(),
            Some("docker-credential-all")
        );
    }
}
