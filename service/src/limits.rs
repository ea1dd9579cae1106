//! Bounds as people read them. The constants are elsewhere, each where it is used;
//! `docs/reference/limits.md` is made of these lines, so that it cannot drift.

use crate::config::ServerConfig;
use crate::{listener, overload};

/// One bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is bounded.
    pub what: &'static str,
    /// How much it may be.
    pub bound: String,
    /// What happens beyond.
    pub beyond: &'static str,
    /// The key that changes it, if one does.
    pub key: Option<&'static str>,
}

impl Limit {
    /// A bound that cannot be configured.
    pub fn fixed(what: &'static str, bound: impl ToString, beyond: &'static str) -> Self {
        let bound = bound.to_string();
        Self {
            what,
            bound,
            beyond,
            key: None,
        }
    }

    /// The same bound, changed by a key of the configuration.
    #[must_use]
    pub fn by(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }
}

/// The bounds of every server: connections, headers, seconds.
pub fn limits(config: &ServerConfig) -> Vec<Limit> {
    let secs = |secs: u64| format!("{secs} s");
    vec![
        Limit::fixed(
            "connections at once",
            config.max_connections,
            "503 and `Retry-After`",
        )
        .by("server.max_connections"),
        Limit::fixed(
            "connections beyond that, being answered",
            overload::TOLD_AT_ONCE,
            "they wait",
        ),
        Limit::fixed(
            "header of a request, bytes",
            listener::HEADER_BYTES,
            "431, the connection ends",
        ),
        Limit::fixed(
            "fields in a header",
            listener::HEADER_FIELDS,
            "431, the connection ends",
        ),
        Limit::fixed(
            "address of a request, bytes",
            listener::ADDRESS_BYTES,
            "414, the connection ends",
        ),
        Limit::fixed(
            "TLS handshake",
            secs(listener::HANDSHAKE_TIMEOUT.as_secs()),
            "the connection ends",
        ),
        Limit::fixed(
            "header of a request; idle connection",
            secs(config.header_timeout_secs),
            "the connection ends",
        )
        .by("server.header_timeout_secs"),
        Limit::fixed(
            "nothing of a body comes",
            secs(config.stall_timeout_secs),
            "408; an upload keeps what came",
        )
        .by("server.stall_timeout_secs"),
        Limit::fixed(
            "nothing of an answer is taken",
            secs(config.stall_timeout_secs),
            "the connection ends",
        )
        .by("server.stall_timeout_secs"),
        Limit::fixed(
            "requests in flight when the server stops",
            secs(config.shutdown_timeout_secs),
            "they are cut",
        )
        .by("server.shutdown_timeout_secs"),
    ]
}
