//! `packyard logout`.

use registry_client::credentials::CredentialStore;
use registry_client::{Client, ClientOptions};
use serde_json::json;

use crate::context::{Context, address_of};
use crate::error::CliError;

/// Forget the credentials of a registry.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry, HOST or HOST:PORT. Without it, the server of --server.
    host: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let server = args
        .host
        .as_deref()
        .map_or_else(|| context.server.clone(), address_of);
    let host = Client::new(ClientOptions::new(server))?.host();
    let store = CredentialStore::from_environment(|name| std::env::var(name).ok())?;
    let erased = store.erase(&host).await?;
    context
        .output
        .answer(&json!({"host": host, "erased": erased}), || match erased {
            true => format!("forgot the credentials of {host}"),
            false => format!("no credentials of {host} were stored"),
        })
}
