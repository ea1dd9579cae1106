//! A proxy's address, and what is called without one, as people write them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// A text that is no proxy, or no exception from one. It repeats nothing that may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It cannot be read, or it is a proxy of another kind.
    #[error("{why}; write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")]
    Address {
        /// What is wrong.
        why: &'static str,
    },
    /// A variable of the environment names it.
    #[error("environment variable {name}: {source}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong.
        source: Box<Self>,
    },
    /// An entry of `no_proxy`.
    #[error(
        "{0:?} is no host; write a name, .NAME for all below it, an IP address, NET/BITS, or *"
    )]
    Direct(String),
}

impl ProxyError {
    pub(crate) fn of_variable(name: String, source: Self) -> Self {
        Self::Variable {
            name,
            source: Box::new(source),
        }
    }
}

/// The address of a proxy. It may hold a password, which it does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// The whole address, for those who connect to it.
    pub(crate) fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the way to the proxy itself is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Its password in every form in which it may be met.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let Some(password) = self.0.password() else {
            return Vec::new();
        };
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pair = format!("{}:{}", plain(self.0.username()), plain(password));
        vec![
            password.to_owned(),
            plain(password),
            BASE64_STANDARD.encode(pair),
        ]
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let refuse = |why| ProxyError::Address { why };
        // curl takes `HOST:PORT` for plain HTTP.
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let url = Url::parse(&whole).map_err(|_| refuse("it is no address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it is no HTTP proxy"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("it has no host"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has a path"));
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for ProxyUrl {
    type Error = ProxyError;

    fn try_from(text: String) -> Result<Self, ProxyError> {
        text.parse()
    }
}

impl From<ProxyUrl> for String {
    fn from(url: ProxyUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        let host = url.host_str().unwrap_or_default();
        let user = match (url.username(), url.password()) {
            ("", None) => "",
            _ => "***@",
        };
        write!(f, "{}://{user}{host}", url.scheme())?;
        match url.port_or_known_default() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// What is called without a proxy: a name with all below it, an address, a network, everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Direct(String);

impl Direct {
    /// As the matcher reads it, which knows no `*.`.
    pub(crate) fn to_matcher(&self) -> String {
        self.0
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(&self.0)
            .to_owned()
    }
}

impl FromStr for Direct {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_name = name.chars().all(fits) && !name.trim_start_matches('.').is_empty();
        let is_address = text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
        if is_name || is_address || text == "*" {
            return Ok(Self(text.to_owned()));
        }
        Err(ProxyError::Direct(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for Direct {
    type Error = ProxyError;

    fn try_from(text: String) -> Result<Self, ProxyError> {
        text.parse()
    }
}

impl From<Direct> for String {
    fn from(direct: Direct) -> Self {
        direct.0
    }
}
