//! `packyard login`: checks the credentials with the server, then stores them.

use std::io::{IsTerminal as _, Read as _};

use registry_client::credentials::CredentialStore;
use registry_client::{Client, ClientOptions, Credential};
use serde_json::json;

use crate::context::{Context, address_of, proxies};
use crate::error::CliError;

/// A password is a line; more is a mistake.
const MAX_PASSWORD_BYTES: u64 = 64 << 10;

/// Store the credentials of a registry.
///
/// They are checked with the registry first, and kept where every OCI tool keeps
/// them: with the credential helper of ~/.docker/config.json, or in that file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry, HOST or HOST:PORT. Without it, the server of --server.
    host: Option<String>,
    /// The user; asked for when it is left out.
    #[arg(long, short)]
    username: Option<String>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let server = args
        .host
        .as_deref()
        .map_or_else(|| context.server.clone(), address_of);
    let user = match args.username {
        Some(user) => user,
        None => ask_user()?,
    };
    let password = if args.password_stdin {
        read_password()?
    } else {
        ask_password(&user)?
    };
    let credential = Credential::Password {
        user: user.clone(),
        password: password.clone(),
    };
    let client = Client::new(
        ClientOptions::new(server)
            .with_credential(Some(credential))
            .with_proxies(proxies()?),
    )?;
    client.ping().await?;
    let store = CredentialStore::from_environment(|name| std::env::var(name).ok())?;
    store.store(&client.host(), &user, &password).await?;
    context.output.answer(
        &json!({"host": client.host(), "user": user, "file": store.path()}),
        || {
            format!(
                "logged in to {} as {user}; stored in {}",
                client.host(),
                store.path().display()
            )
        },
    )
}

fn ask_user() -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage("there is no user").hint("pass --username USER"));
    }
    eprint!("User: ");
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| CliError::failed("cannot read the user").caused_by(&error))?;
    match line.trim() {
        "" => Err(CliError::usage("there is no user")),
        user => Ok(user.to_owned()),
    }
}

fn ask_password(user: &str) -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(
            CliError::usage("there is no terminal to ask for the password on")
                .hint("pass --password-stdin and send the password on standard input"),
        );
    }
    rpassword::prompt_password(format!("Password of {user}: "))
        .map_err(|error| CliError::failed("cannot read the password").caused_by(&error))
}

fn read_password() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_PASSWORD_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| {
            CliError::failed("cannot read the password from standard input").caused_by(&error)
        })?;
    let password = text.trim_end_matches(['\n', '\r']);
    match password.is_empty() {
        true => Err(CliError::usage("the password on standard input is empty")),
        false => Ok(password.to_owned()),
    }
}
