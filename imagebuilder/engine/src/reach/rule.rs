//! One entry of `builder.reach`: a host, all hosts below a name, an address or a network, and a port.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::target;

/// The ports that an entry allows which names none: those of HTTP and HTTPS.
const USUAL_PORTS: [u16; 2] = [80, 443];

/// What a build's machine may reach: `deb.example.org`, `*.example.org`, `git.example.org:8443`,
/// `10.1.2.3`, `10.0.0.0/8`, `[fd00::/8]:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReachRule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Name(String),
    /// All names below this one, and not itself.
    Below(String),
    Network(IpNet),
}

/// A text that names nothing that could be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names nothing to reach; write HOST, *.HOST for all below it, HOST:PORT, an IP address, or NET/BITS"
)]
pub struct ParseReachError(String);

impl ReachRule {
    /// Whether a host with this name, in lower case, may be asked on this port.
    pub(crate) fn allows_name(&self, name: &str, port: u16) -> bool {
        let named = match &self.hosts {
            Hosts::Name(own) => name == own,
            Hosts::Below(own) => name
                .strip_suffix(own.as_str())
                .is_some_and(|below| below.ends_with('.')),
            Hosts::Network(_) => false,
        };
        named && self.allows_port(port)
    }

    /// Whether this address is listed itself.
    pub(crate) fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        matches!(&self.hosts, Hosts::Network(net) if net.contains(&address))
            && self.allows_port(port)
    }

    fn allows_port(&self, port: u16) -> bool {
        match self.port {
            Some(own) => own == port,
            None => USUAL_PORTS.contains(&port),
        }
    }
}

impl FromStr for ReachRule {
    type Err = ParseReachError;

    fn from_str(text: &str) -> Result<Self, ParseReachError> {
        let (hosts, port) = split(text).ok_or_else(|| refuse(text))?;
        let hosts = match (network(hosts), hosts.strip_prefix("*.")) {
            (Some(network), _) => Hosts::Network(network),
            (None, Some(below)) => Hosts::Below(target::name(below).ok_or_else(|| refuse(text))?),
            (None, None) => Hosts::Name(target::name(hosts).ok_or_else(|| refuse(text))?),
        };
        Ok(Self { hosts, port })
    }
}

/// Hosts and port; an IPv6 address has a port only in brackets.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
    if let Some(rest) = text.strip_prefix('[') {
        let (hosts, rest) = rest.split_once(']')?;
        network(hosts)?;
        return match rest.strip_prefix(':') {
            Some(text) => Some((hosts, Some(port(text)?))),
            None => rest.is_empty().then_some((hosts, None)),
        };
    }
    if network(text).is_some() {
        return Some((text, None));
    }
    match text.rsplit_once(':') {
        Some((hosts, text)) => Some((hosts, Some(port(text)?))),
        None => Some((text, None)),
    }
}

fn network(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or(address).ok()
}

fn refuse(text: &str) -> ParseReachError {
    ParseReachError(text.chars().take(80).collect())
}

impl fmt::Display for ReachRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = match &self.hosts {
            Hosts::Name(name) => name.clone(),
            Hosts::Below(name) => format!("*.{name}"),
            Hosts::Network(net) if net.prefix_len() == net.max_prefix_len() => {
                net.addr().to_string()
            }
            Hosts::Network(net) => net.to_string(),
        };
        match self.port {
            Some(port) if hosts.contains(':') => write!(f, "[{hosts}]:{port}"),
            Some(port) => write!(f, "{hosts}:{port}"),
            None => f.write_str(&hosts),
        }
    }
}

impl TryFrom<String> for ReachRule {
    type Error = ParseReachError;

    fn try_from(text: String) -> Result<Self, ParseReachError> {
        text.parse()
    }
}

impl From<ReachRule> for String {
    fn from(rule: ReachRule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for text in [
            "deb.example.org",
            "*.example.org",
            "git.example.org:8443",
            "10.1.2.3",
            "10.0.0.0/8:8080",
            "fd00::1",
            "[fd00::/8]:8080",
        ] {
            assert_eq!(text.parse::<ReachRule>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "*",
            "*.",
            "a b",
            "http://a",
            "a/b",
            "a:0",
            "a:99999",
            "a:x",
            "*.*.a",
            "a.*",
            "10.0.0.0/33",
            "10.1.2",
            "[a]:80",
            "[::1",
            "::1:x",
            "-a.b-",
            "a..b",
            "a@b",
        ] {
            assert!(bad.parse::<ReachRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_allowed_by_itself_or_by_what_is_above_it() {
        let check = |rule: &str, name: &str, port, expect| {
            let rule: ReachRule = rule.parse().unwrap();
            assert_eq!(rule.allows_name(name, port), expect, "{rule} {name}:{port}");
        };
        check("Deb.Example.org.", "deb.example.org", 443, true);
        check("deb.example.org", "deb.example.org", 80, true);
        check("deb.example.org", "deb.example.org", 22, false);
        check("deb.example.org:22", "deb.example.org", 22, true);
        check("deb.example.org:22", "deb.example.org", 443, false);
        check("deb.example.org", "x.deb.example.org", 443, false);
        check("*.example.org", "a.b.example.org", 443, true);
        check("*.example.org", "example.org", 443, false);
        check("*.example.org", "notexample.org", 443, false);
        check("10.0.0.0/8", "deb.example.org", 443, false);
    }
}
