//! Says yes or no: first to what is asked for, then to every address that its name leads to.
//!
//! The second look is why a name that somebody else points at this host, at its neighbours or
//! at a cloud's metadata leads nowhere, however often its answer changes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ReachRule;
use super::target::{Host, Target};

/// Keeps to the rules; without rules nearly everything is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Judge(pub(crate) Option<Vec<ReachRule>>);

/// What was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) target: Target,
    /// Where the name leads, if that is the trouble.
    address: Option<IpAddr>,
}

impl Judge {
    /// Whether it may be asked for at all. Nobody looks a name up before this is said.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Refusal> {
        let allowed = match (&self.0, &target.host) {
            (_, Host::Address(address)) => self.allows(*address, target.port, true),
            (Some(rules), Host::Name(name)) => {
                rules.iter().any(|rule| rule.allows_name(name, target.port))
            }
            (None, Host::Name(_)) => true,
        };
        match allowed {
            true => Ok(()),
            false => Err(Refusal {
                target: target.clone(),
                address: None,
            }),
        }
    }

    /// Whether a name that may be asked for may lead there.
    pub(crate) fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refusal> {
        match self.allows(address, target.port, false) {
            true => Ok(()),
            false => Err(Refusal {
                target: target.clone(),
                address: Some(address),
            }),
        }
    }

    fn allows(&self, address: IpAddr, port: u16, by_number: bool) -> bool {
        let address = address.to_canonical();
        match &self.0 {
            Some(rules) => {
                let listed = rules.iter().any(|rule| rule.allows_address(address, port));
                listed || (!by_number && kind(address) == Kind::Public)
            }
            None => kind(address) != Kind::Special,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    /// Of some site's own network.
    Private,
    /// This host itself, its neighbours, a cloud's metadata, or no host at all.
    Special,
}

/// The registries of special addresses: RFC 6890 and its updates.
fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// Metadata of clouds at addresses that are no link's: Azure, Alibaba, Oracle.
const METADATA: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same of AWS.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let octets = address.octets();
    let special = address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || octets[0] == 0
        || octets[0] >= 240
        || METADATA.contains(&address);
    let private = address.is_private()
        || address.is_documentation()
        || matches!(
            octets,
            [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..]
        );
    match (special, private) {
        (true, _) => Kind::Special,
        (_, true) => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let first = address.segments()[0];
    let special = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address == METADATA_V6
        || embedded(address).is_some_and(|inner| kind_of_v4(inner) == Kind::Special);
    // Of all the rest only 2000::/3 is given out; tunnels and examples within it are no hosts.
    let private = first & 0xe000 != 0x2000
        || first == 0x2002
        || matches!(address.segments(), [0x2001, 0 | 0xdb8, ..]);
    match (special, private) {
        (true, _) => Kind::Special,
        (_, true) => Kind::Private,
        _ => Kind::Public,
    }
}

/// The IPv4 address that a translator (`64:ff9b::/96`) or a 6to4 relay would send it on to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(Ipv4Addr::new(
            octets[12], octets[13], octets[14], octets[15],
        )),
        [0x2002, ..] => Some(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5])),
        _ => None,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, address } = self;
        match address {
            None => write!(f, "{target} is not allowed by builder.reach"),
            Some(address) => write!(
                f,
                "{target} leads to {address}, which is no public address and not allowed by builder.reach"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(rules: &[&str]) -> Judge {
        Judge(Some(
            rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        ))
    }

    fn target(text: &str) -> Target {
        Target::read(&text.parse().unwrap(), Some(443)).unwrap()
    }

    #[test]
    fn with_a_list_only_what_is_on_it_is_asked_for() {
        let check = |rules: &[&str], asked: &str, expect| {
            let allowed = judge(rules).check(&target(asked)).is_ok();
            assert_eq!(allowed, expect, "{rules:?} {asked}");
        };
        check(&[], "deb.example.org", false);
        check(&[], "1.1.1.1", false);
        check(&["deb.example.org"], "deb.example.org:80", true);
        check(&["deb.example.org"], "deb.example.org:81", false);
        check(&["10.0.0.0/8"], "10.1.2.3", true);
        check(&["10.0.0.0/8"], "[::ffff:10.1.2.3]:443", true);
        check(&["10.0.0.0/8"], "10.1.2.3:22", false);
        check(&["127.0.0.1:8080"], "127.0.0.1:8080", true);
        check(&["deb.example.org"], "127.0.0.1", false);
    }

    #[test]
    fn a_listed_name_may_not_lead_inside_unless_that_is_listed_too() {
        let check = |rules: &[&str], address: &str, expect| {
            let address = address.parse().unwrap();
            let told = judge(rules).check_address(&target("deb.example.org"), address);
            assert_eq!(told.is_ok(), expect, "{rules:?} {address}");
        };
        let name = ["deb.example.org"];
        check(&name, "93.184.216.34", true);
        check(&name, "2606:2800:220:1::1", true);
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001::1",
            "ff02::1",
        ] {
            check(&name, inside, false);
        }
        let with_network = ["deb.example.org", "10.0.0.0/8"];
        check(&with_network, "10.1.2.3", true);
        check(&["deb.example.org", "10.0.0.0/8:80"], "10.1.2.3", false);
        check(&with_network, "192.168.1.1", false);
    }

    #[test]
    fn without_a_list_this_host_and_metadata_stay_closed() {
        let free = Judge(None);
        for closed in ["127.0.0.1", "[::1]:443", "169.254.169.254", "168.63.129.16"] {
            assert!(free.check(&target(closed)).is_err(), "{closed}");
        }
        for open in [
            "10.1.2.3:22",
            "deb.example.org:22",
            "1.1.1.1",
            "[fd12::1]:443",
        ] {
            assert!(free.check(&target(open)).is_ok(), "{open}");
        }
        let name = target("deb.example.org");
        assert!(
            free.check_address(&name, "10.1.2.3".parse().unwrap())
                .is_ok()
        );
        let told = free.check_address(&name, "64:ff9b::a9fe:a9fe".parse().unwrap());
        assert!(told.unwrap_err().to_string().contains("builder.reach"));
    }
}
