//! What every command that talks to a server needs: who and where.

use proxies::Proxies;
use registry_client::credentials::CredentialStore;
use registry_client::{Client, ClientOptions, Credential};
use registry_pack::Reference;

use crate::args::Global;
use crate::error::CliError;
use crate::output::Output;
use crate::progress::Bars;

/// Where to send requests, and how to answer.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) server: String,
    pub(crate) output: Output,
    quiet: bool,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            server: global.server.clone(),
            output: Output::new(global.json, global.quiet),
            quiet: global.quiet,
        }
    }

    /// A client for the server that the options name.
    pub(crate) async fn client(&self) -> Result<Client, CliError> {
        connect(&self.server).await
    }

    /// A client for the server that a reference names, else as above.
    pub(crate) async fn client_for(&self, reference: &Reference) -> Result<Client, CliError> {
        let client = self.client().await?;
        match &reference.host {
            Some(host) if *host != client.host() => connect(&address_of(host)).await,
            _ => Ok(client),
        }
    }

    pub(crate) fn progress(&self) -> Bars {
        Bars::new(self.quiet)
    }
}

/// The environment variable that names further hosts which may see passwords.
const TOKEN_HOSTS: &str = "PACKYARD_TOKEN_HOSTS";

/// The proxies that the environment names.
pub(crate) fn proxies() -> Result<Proxies, CliError> {
    let proxies = Proxies::from_environment(|name| std::env::var(name).ok());
    proxies.map_err(|error| CliError::usage(error.to_string()))
}

/// A client for a server, with the credentials that are stored for it.
pub(crate) async fn connect(server: &str) -> Result<Client, CliError> {
    connect_through(server, proxies()?).await
}

/// The same, by other proxies than those of the environment.
pub(crate) async fn connect_through(server: &str, proxies: Proxies) -> Result<Client, CliError> {
    let credential = credential(server).await?;
    let mut options = ClientOptions {
        trace: Some(traces::header),
        ..ClientOptions::new(server)
            .with_credential(credential)
            .with_proxies(proxies)
    };
    if let Ok(hosts) = std::env::var(TOKEN_HOSTS) {
        options.token_hosts = hosts
            .split([',', ' '])
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect();
    }
    Ok(Client::new(options)?)
}

/// The credential that is stored for a server.
pub(crate) async fn credential(server: &str) -> Result<Option<Credential>, CliError> {
    let host = Client::new(ClientOptions::new(server))?.host();
    let store = CredentialStore::from_environment(|name| std::env::var(name).ok());
    // Without a home folder there are no stored credentials, which is well.
    match store {
        Ok(store) => Ok(store.find(&host).await?),
        Err(_) => Ok(None),
    }
}

/// The address of a host that was written without a scheme: plain on this
/// machine, TLS elsewhere.
pub(crate) fn address_of(host: &str) -> String {
    if host.contains("://") {
        return host.to_owned();
    }
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let loopback = name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    let scheme = if loopback { "http" } else { "https" };
    format!("{scheme}://{host}")
}
