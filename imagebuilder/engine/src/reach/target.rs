//! What a guest asks for: a host and a port, in one form whatever way it was written.

use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;

/// The longest name that DNS knows, and the longest part of one (RFC 1035, 2.3.4).
const NAME_CHARS: usize = 253;
const LABEL_CHARS: usize = 63;

/// A host by its name, in lower case and without a last dot, or by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `HOST:PORT`; none where it is no such thing.
    pub(crate) fn read(authority: &Authority, usual_port: Option<u16>) -> Option<Self> {
        // A user or a password would go on to whoever is asked.
        if authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().or(usual_port)?;
        let host = authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = match bare.unwrap_or(host).parse::<IpAddr>() {
            // The same machine, whichever family it is written in.
            Ok(address) => Host::Address(address.to_canonical()),
            Err(_) => Host::Name(name(host)?),
        };
        Some(Self { host, port })
    }
}

/// A host's name as it is compared. What other programs would read as an address is none: `127.1`
/// and `0x7f000001` are loopback to many.
pub(crate) fn name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| {
        (1..=LABEL_CHARS).contains(&label.len())
            && label.chars().all(of_name)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    (text.len() <= NAME_CHARS && text.split('.').all(is_label) && !is_number).then_some(text)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        let check = |text: &str, expect: Option<&str>| {
            let read = Target::read(&text.parse().unwrap(), Some(80));
            let read = read.map(|target| target.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("Deb.Example.org", Some("deb.example.org:80"));
        check("deb.example.org.:443", Some("deb.example.org:443"));
        check("10.1.2.3", Some("10.1.2.3:80"));
        check("[::1]:8080", Some("[::1]:8080"));
        check("[::ffff:127.0.0.1]:80", Some("127.0.0.1:80"));
        for number in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "127.0.0.0x1",
            "1.2.3.4.5",
        ] {
            check(number, None);
        }
        check("ann:secret@deb.example.org", None);
        check("a..b", None);
    }
}
