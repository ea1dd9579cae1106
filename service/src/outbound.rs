//! The one client for addresses that come from people or files: downloads of
//! components and of base images, and webhooks.
//!
//! It follows redirects itself, so that each hop is checked like the first,
//! sends credentials to nobody, and bounds size and time.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
pub use proxies::{Proxies, ProxyError};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};

/// Long enough for release pages, short enough for loops.
const MAX_REDIRECTS: usize = 5;
/// A name that does not answer in this time will not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What the client may do.
#[derive(Clone, Debug)]
pub struct OutboundRules {
    /// Allow `http://` as well as `https://`. Use it only where a checksum is known.
    pub plain_http: bool,
    /// Allowed hosts; empty allows all.
    pub hosts: Vec<String>,
    /// The largest body, in bytes.
    pub max_bytes: u64,
    /// A transfer that gives nothing for this long is ended.
    pub stall: Duration,
    /// The proxies that calls take, but for those to this machine.
    pub proxies: Proxies,
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is not one, or not allowed. Remedy: another address.
    #[error("the address {url} is not allowed: {why}")]
    Refused {
        /// The address.
        url: String,
        /// Which rule.
        why: String,
    },
    /// The other side said no.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: String,
        /// What it said.
        status: u16,
    },
    /// It is larger than allowed.
    #[error("{url} is larger than the {max_bytes} bytes allowed")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit.
        max_bytes: u64,
    },
    /// The network failed. Remedy: try again.
    #[error("cannot download {url}")]
    Network {
        /// The address.
        url: String,
        /// What failed.
        source: reqwest::Error,
    },
    /// The client cannot be set up on this machine.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The environment names a proxy that cannot be used. Remedy: another one.
    #[error("cannot use the proxy of the environment")]
    Proxy(#[from] ProxyError),
}

/// The proxies that this process's environment names.
///
/// # Errors
/// When one of them cannot be used.
pub fn environment() -> Result<Proxies, OutboundError> {
    Ok(Proxies::from_environment(|name| std::env::var(name).ok())?)
}

/// The client.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    rules: OutboundRules,
}

/// A body on its way in.
pub struct Download {
    /// The size that the other side announced.
    pub size_bytes: Option<u64>,
    url: String,
    response: Response,
    max_bytes: u64,
}

impl Outbound {
    /// A client that keeps to the rules.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(rules: OutboundRules) -> Result<Self, OutboundError> {
        let client = rules
            .proxies
            .apply(reqwest::Client::builder())
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(rules.stall)
            .user_agent(concat!("packyard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(OutboundError::Setup)?;
        Ok(Self { client, rules })
    }

    /// Opens a download.
    ///
    /// # Errors
    /// When the address is not allowed, does not answer, or says no.
    pub async fn get(&self, url: &str) -> Result<Download, OutboundError> {
        let mut next = self.check(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self
                .client
                .get(next.clone())
                .send()
                .await
                .map_err(|source| OutboundError::Network {
                    url: next.to_string(),
                    source: source.without_url(),
                })?;
            let status = response.status();
            if status.is_redirection() {
                next = self.follow(&next, &response)?;
                continue;
            }
            if !status.is_success() {
                return Err(OutboundError::Status {
                    url: next.to_string(),
                    status: status.as_u16(),
                });
            }
            return self.open(next.to_string(), response);
        }
        Err(refused(url, "it redirects too often"))
    }

    /// Sends a body. Any success will do; what the other side says is not read, and nothing
    /// that it leads to is asked.
    ///
    /// # Errors
    /// When the address is not allowed, does not answer in time, or says no.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), OutboundError> {
        let checked = self.check(url)?;
        let request = self
            .client
            .post(checked.clone())
            .headers(headers)
            .body(body);
        let response = request
            .timeout(self.rules.stall)
            .send()
            .await
            .map_err(|source| OutboundError::Network {
                url: checked.to_string(),
                source: source.without_url(),
            })?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(OutboundError::Status {
                url: checked.to_string(),
                status: status.as_u16(),
            }),
        }
    }

    fn follow(&self, from: &Url, response: &Response) -> Result<Url, OutboundError> {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| from.join(text).ok())
            .ok_or_else(|| refused(from.as_str(), "it redirects to nowhere"))?;
        if from.scheme() == "https" && target.scheme() != "https" {
            return Err(refused(target.as_str(), "it leads from https back to http"));
        }
        self.check(target.as_str())
    }

    fn open(&self, url: String, response: Response) -> Result<Download, OutboundError> {
        let max_bytes = self.rules.max_bytes;
        let size_bytes = response.content_length();
        if size_bytes.is_some_and(|size| size > max_bytes) {
            return Err(OutboundError::TooLarge { url, max_bytes });
        }
        Ok(Download {
            size_bytes,
            url,
            response,
            max_bytes,
        })
    }

    /// Whether the rules allow an address, before anything is asked of it; the address as parsed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, text: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(text).map_err(|_| refused(text, "it is no URL"))?;
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.rules.plain_http,
            _ => false,
        };
        if !scheme {
            return Err(refused(text, "its scheme is not https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                url.host_str().unwrap_or("it"),
                "it holds a user or a password",
            ));
        }
        let host = url
            .host_str()
            .ok_or_else(|| refused(text, "it has no host"))?;
        if !self.rules.hosts.is_empty() && !self.rules.hosts.iter().any(|allowed| allowed == host) {
            return Err(refused(text, "its host is not on the list"));
        }
        Ok(url)
    }
}

impl Download {
    /// The pieces of the body; an error once it is larger than allowed.
    pub fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin {
        let Self {
            url,
            response,
            max_bytes,
            ..
        } = self;
        let mut seen = 0_u64;
        Box::pin(response.bytes_stream().map(move |piece| {
            let piece = piece.map_err(|error| io::Error::other(error.without_url()))?;
            seen += piece.len() as u64;
            if seen > max_bytes {
                let url = url.clone();
                return Err(io::Error::other(OutboundError::TooLarge { url, max_bytes }));
            }
            Ok(piece)
        }))
    }
}

fn refused(url: &str, why: &str) -> OutboundError {
    OutboundError::Refused {
        url: url.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;
