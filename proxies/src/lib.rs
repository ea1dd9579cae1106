//! Which proxy an outgoing call takes: one that somebody configured, one of the environment, or
//! none. One answer for every client in the house.
//!
//! It makes no calls, and it does not say what may be called.

mod address;

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy};

pub use address::{Direct, ProxyError, ProxyUrl};
pub use hyper_util::client::proxy::matcher::Intercept;

/// What is on this machine is never asked for through another one.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.0/8", "::1"];

/// The proxies of a process. Shows no password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<ProxyUrl>,
    https: Option<ProxyUrl>,
    direct: Vec<String>,
}

impl Proxies {
    /// No proxy, whatever the environment says.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything but what is to be called directly.
    #[must_use]
    pub fn new(proxy: ProxyUrl) -> Self {
        Self {
            http: Some(proxy.clone()),
            https: Some(proxy),
            direct: Vec::new(),
        }
    }

    /// The proxies that the environment names, as curl reads it: `HTTP_PROXY`, `HTTPS_PROXY`,
    /// `ALL_PROXY` and `NO_PROXY`, in upper or lower case.
    ///
    /// # Errors
    /// When one of them is no proxy that can be used.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let find = |name: &str| {
            let mut names = [name.to_owned(), name.to_lowercase()].into_iter();
            names.find_map(|name| {
                let text = read(&name).filter(|text| !text.trim().is_empty())?;
                Some((name, text))
            })
        };
        let proxy = |name: &str| match find(name) {
            Some((name, text)) => match text.trim().parse() {
                Ok(proxy) => Ok(Some(proxy)),
                Err(error) => Err(ProxyError::of_variable(name, error)),
            },
            None => Ok(None),
        };
        let all: Option<ProxyUrl> = proxy("ALL_PROXY")?;
        let direct = find("NO_PROXY").map_or_else(String::new, |(_, text)| text);
        let direct = direct.split(',').map(str::trim);
        Ok(Self {
            http: proxy("HTTP_PROXY")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY")?.or(all),
            direct: direct
                .filter(|entry| !entry.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The same, with more that is called directly.
    #[must_use]
    pub fn without(mut self, direct: &[Direct]) -> Self {
        self.direct.extend(direct.iter().map(Direct::to_matcher));
        self
    }

    /// Whether everything is called directly.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxies themselves.
    pub fn each(&self) -> impl Iterator<Item = &ProxyUrl> {
        self.http.iter().chain(&self.https)
    }

    /// The proxy that a call to this address takes.
    #[must_use]
    pub fn way_to(&self, address: &Uri) -> Option<Intercept> {
        let text = |proxy: &Option<ProxyUrl>| {
            proxy
                .as_ref()
                .map_or_else(String::new, |proxy| proxy.reveal().to_owned())
        };
        let matcher = Matcher::builder()
            .http(text(&self.http))
            .https(text(&self.https))
            .no(self.exceptions())
            .build();
        matcher.intercept(address)
    }

    /// Makes a client of reqwest keep to them, and to nothing else.
    pub fn apply(&self, client: ClientBuilder) -> ClientBuilder {
        let exceptions = || NoProxy::from_string(&self.exceptions());
        let http = self.http.iter().map(|proxy| Proxy::http(proxy.reveal()));
        let https = self.https.iter().map(|proxy| Proxy::https(proxy.reveal()));
        http.chain(https)
            .map(|proxy| {
                proxy
                    .expect("the address was parsed")
                    .no_proxy(exceptions())
            })
            // Without this, reqwest reads the environment by itself and sends loopback there too.
            .fold(client.no_proxy(), ClientBuilder::proxy)
    }

    fn exceptions(&self) -> String {
        let direct = self.direct.iter().map(String::as_str);
        LOOPBACK
            .into_iter()
            .chain(direct)
            .collect::<Vec<_>>()
            .join(",")
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |proxy: &Option<ProxyUrl>| proxy.as_ref().map(ToString::to_string);
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("direct", &self.direct)
            .finish()
    }
}

#[cfg(test)]
mod tests;
