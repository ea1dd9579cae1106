//! What a client needs to know before its first request.

use std::time::Duration;

use proxies::Proxies;

use crate::credentials::Credential;

/// The options of a [`Client`](crate::Client).
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The server's base address, such as `http://127.0.0.1:5000`.
    pub server: String,
    /// Who to be; `None` is nobody.
    pub credential: Option<Credential>,
    /// Hosts other than the server's own that may be sent the password when the
    /// server names them as its token service.
    pub token_hosts: Vec<String>,
    /// How often a request is tried that failed for a reason that may pass.
    pub attempts: u32,
    /// A transfer that makes no progress for this long is cut and resumed.
    pub stall: Duration,
    /// How much of a file goes into one request of an upload; what a cut
    /// connection can cost at most.
    pub chunk_bytes: u64,
    /// The value of the header `traceparent`, asked for at each request.
    pub trace: Option<fn() -> Option<String>>,
    /// The proxies that requests take, but for those to this machine.
    pub proxies: Proxies,
}

impl ClientOptions {
    /// The defaults, for this server and nobody in particular.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            credential: None,
            token_hosts: Vec::new(),
            attempts: 5,
            stall: Duration::from_secs(60),
            chunk_bytes: 64 << 20,
            trace: None,
            proxies: Proxies::none(),
        }
    }

    /// The same, through these proxies.
    #[must_use]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// The same, as this user.
    #[must_use]
    pub fn with_credential(mut self, credential: Option<Credential>) -> Self {
        self.credential = credential;
        self
    }
}
