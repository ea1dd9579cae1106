//! Talks to `docker-credential-*` programs: the verb is the argument, the host
//! or a JSON object goes to standard input.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Credential;
use crate::error::ClientError;

/// A helper may ask the person for a password, but not for ever.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What a helper puts as the user when the secret is a token.
const TOKEN_USER: &str = "<token>";
/// What helpers say when they know nothing of a host.
const NOT_FOUND: &str = "credentials not found";

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

pub(super) async fn get(program: &str, host: &str) -> Result<Option<Credential>, ClientError> {
    let output = run(program, "get", host).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return if text.contains(NOT_FOUND) {
            Ok(None)
        } else {
            Err(failed(program, &output))
        };
    }
    let entry: Entry = serde_json::from_str(&text).map_err(|_| {
        ClientError::Credentials(format!(
            "{program} answered something that is no credential"
        ))
    })?;
    Ok(Some(match entry.user.as_str() {
        TOKEN_USER => Credential::Token(entry.secret),
        _ => Credential::Password {
            user: entry.user,
            password: entry.secret,
        },
    }))
}

pub(super) async fn store(
    program: &str,
    host: &str,
    user: &str,
    password: &str,
) -> Result<(), ClientError> {
    let entry = Entry {
        server: host.to_owned(),
        user: user.to_owned(),
        secret: password.to_owned(),
    };
    let text = serde_json::to_string(&entry).expect("strings only");
    let output = run(program, "store", &text).await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(program, &output))
    }
}

pub(super) async fn erase(program: &str, host: &str) -> Result<(), ClientError> {
    let output = run(program, "erase", host).await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(program, &output))
    }
}

async fn run(program: &str, verb: &str, input: &str) -> Result<Output, ClientError> {
    let refuse = |why: String| {
        ClientError::Credentials(format!(
            "the helper {program} {why}; install it, or take it out of the credentials file"
        ))
    };
    let mut child = Command::new(program)
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| refuse(format!("cannot be started: {error}")))?;
    let mut stdin = child.stdin.take();
    let talk = async {
        if let Some(pipe) = stdin.as_mut() {
            pipe.write_all(input.as_bytes()).await?;
        }
        drop(stdin);
        child.wait_with_output().await
    };
    match tokio::time::timeout(TIMEOUT, talk).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(refuse(format!("failed: {error}"))),
        Err(_) => Err(refuse(format!(
            "did not answer within {} seconds",
            TIMEOUT.as_secs()
        ))),
    }
}

fn failed(program: &str, output: &Output) -> ClientError {
    let said = [&output.stderr, &output.stdout]
        .into_iter()
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| output.status.to_string());
    ClientError::Credentials(format!("{program} failed: {said}"))
}
