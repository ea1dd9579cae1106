//! Proves who we are, in the way that the server asks for: Basic, or a token
//! from a token service.
//!
//! A server names its token service in a header, and a hostile one can name any
//! host. The password goes only to the server's own host, to a host that the
//! user has allowed, or to the pair that everybody uses; to others we go as
//! nobody.

mod challenge;
mod token;

use std::collections::HashMap;
use std::time::Instant;

use registry_pack::RepositoryName;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Request, Url};
use tokio::sync::RwLock;

use crate::client::host_of;
use crate::credentials::Credential;
use crate::error::ClientError;
use challenge::Challenge;

/// What a request is about; token services give tokens for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Server,
    Pull(RepositoryName),
    Push(RepositoryName),
}

impl Scope {
    fn as_text(&self) -> Option<String> {
        match self {
            Self::Server => None,
            Self::Pull(repository) => Some(format!("repository:{repository}:pull")),
            Self::Push(repository) => Some(format!("repository:{repository}:pull,push")),
        }
    }
}

/// How one server wants us to prove who we are, as far as we know by now.
pub(crate) struct Auth {
    server: Url,
    credential: Option<Credential>,
    token_hosts: Vec<String>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    basic: bool,
    tokens: HashMap<Scope, Token>,
}

struct Token {
    header: HeaderValue,
    expires: Instant,
}

impl Auth {
    pub(crate) fn new(
        server: &Url,
        credential: Option<Credential>,
        token_hosts: Vec<String>,
    ) -> Self {
        // Over TLS or on this machine the password may go along from the start,
        // which saves a refused request; elsewhere wait until it is asked for.
        let trusted = server.scheme() == "https" || is_loopback(server);
        let basic = trusted && matches!(credential, Some(Credential::Password { .. }));
        Self {
            server: server.clone(),
            credential,
            token_hosts,
            state: RwLock::new(State {
                basic,
                tokens: HashMap::new(),
            }),
        }
    }

    /// Adds what proves who we are, if the request goes to the server itself.
    pub(crate) async fn apply(&self, request: &mut Request, scope: &Scope) {
        if !same_origin(request.url(), &self.server) {
            return;
        }
        let state = self.state.read().await;
        let token = state
            .tokens
            .get(scope)
            .filter(|token| token.expires > Instant::now());
        let header = match (token, &self.credential) {
            (Some(token), _) => Some(token.header.clone()),
            (None, Some(Credential::Token(token))) => bearer(token),
            (None, Some(Credential::Password { user, password })) if state.basic => {
                basic(user, password)
            }
            _ => None,
        };
        if let Some(header) = header {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
    }

    /// Meets the demand of a 401. False when nothing new can be offered.
    pub(crate) async fn answer(
        &self,
        http: &reqwest::Client,
        headers: &HeaderMap,
        scope: &Scope,
    ) -> Result<bool, ClientError> {
        let mut challenges = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(Challenge::parse);
        match challenges.next() {
            Some(Challenge::Bearer { realm, service }) => {
                self.fetch_token(http, &realm, service.as_deref(), scope)
                    .await
            }
            Some(Challenge::Basic) => {
                let mut state = self.state.write().await;
                let has_password = matches!(self.credential, Some(Credential::Password { .. }));
                let is_new = has_password && !state.basic;
                state.basic |= has_password;
                Ok(is_new)
            }
            None => Ok(false),
        }
    }

    async fn fetch_token(
        &self,
        http: &reqwest::Client,
        realm: &str,
        service: Option<&str>,
        scope: &Scope,
    ) -> Result<bool, ClientError> {
        let server = host_of(&self.server);
        let realm = Url::parse(realm).map_err(|_| ClientError::Protocol {
            server: server.clone(),
            what: "its token service".to_owned(),
            message: format!("{realm:?} is no address"),
        })?;
        let trusted = self.may_have_password(&realm);
        let credential = self.credential.as_ref().filter(|_| trusted);
        let fetched = token::fetch(
            http,
            &realm,
            service,
            scope.as_text().as_deref(),
            credential,
        )
        .await;
        let fetched = fetched.map_err(|message| match (trusted, &self.credential) {
            (false, Some(_)) => ClientError::Unauthorized {
                server: server.clone(),
                message: format!(
                    "its token service {} is another host and was not sent the password; \
                     if that host is trusted, name it in PACKYARD_TOKEN_HOSTS",
                    host_of(&realm)
                ),
            },
            _ => ClientError::Unauthorized {
                server: server.clone(),
                message,
            },
        })?;
        let Some(header) = bearer(&fetched.token) else {
            return Ok(false);
        };
        let token = Token {
            header,
            expires: Instant::now() + fetched.valid_for,
        };
        self.state.write().await.tokens.insert(scope.clone(), token);
        Ok(true)
    }

    fn may_have_password(&self, realm: &Url) -> bool {
        if realm.scheme() != "https"
            && !(realm.scheme() == "http" && self.server.scheme() == "http")
        {
            return false;
        }
        let (ours, theirs) = (self.server.host_str(), realm.host_str());
        let docker = matches!(
            ours,
            Some("registry-1.docker.io" | "index.docker.io" | "docker.io")
        ) && theirs == Some("auth.docker.io");
        let allowed = self.token_hosts.contains(&host_of(realm));
        same_origin(realm, &self.server)
            || (ours == theirs && realm.scheme() == "https")
            || docker
            || allowed
    }
}

pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    secret(&format!("Basic {encoded}"))
}

fn bearer(token: &str) -> Option<HeaderValue> {
    secret(&format!("Bearer {token}"))
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
