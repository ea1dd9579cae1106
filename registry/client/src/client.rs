//! One server: sends requests as somebody, understands refusals, tries again.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use crate::auth::{Auth, Scope};
use crate::error::ClientError;
use crate::options::ClientOptions;
use crate::refusal::{refusal, retry_after};
use crate::retry::Attempts;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const MAX_REDIRECTS: usize = 5;
/// The largest body of an error that is read; the rest would not be shown.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// A registry, and who we are there. Cloning shares connections and tokens.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) auth: Auth,
    pub(crate) options: ClientOptions,
}

impl Client {
    /// A client for one server. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, or the system's certificates cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let base = parse_base(&options.server)?;
        let http = options
            .proxies
            .apply(reqwest::Client::builder())
            .user_agent(concat!("packyard/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(options.stall)
            .redirect(redirects())
            .build()
            .map_err(|error| {
                ClientError::Usage(format!("cannot set up the HTTP client: {error}"))
            })?;
        let auth = Auth::new(
            &base,
            options.credential.clone(),
            options.token_hosts.clone(),
        );
        Ok(Self(Arc::new(Inner {
            http,
            base,
            auth,
            options,
        })))
    }

    /// The server's base address.
    pub fn server(&self) -> &Url {
        &self.0.base
    }

    /// The server as it is written in references: `HOST` or `HOST:PORT`.
    pub fn host(&self) -> String {
        host_of(&self.0.base)
    }

    /// Asks `GET /v2/`: is there a registry, and does it accept who we are?
    ///
    /// # Errors
    /// When it does not answer or refuses the credentials.
    pub async fn ping(&self) -> Result<(), ClientError> {
        let url = self.url("v2/")?;
        self.send("its API", &Scope::Server, |http| http.get(url.clone()))
            .await?;
        Ok(())
    }

    /// Sends a request to a path below the base address, such as
    /// `api/v1/packs`, and gives the answer if it is a success. `what` is how
    /// errors call the thing asked for.
    ///
    /// # Errors
    /// As every request: not found, refused, unreachable.
    pub async fn request(
        &self,
        what: &str,
        method: Method,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let url = self.url(path)?;
        self.send(what, &Scope::Server, |http| {
            build(http.request(method.clone(), url.clone()))
        })
        .await
    }

    /// A path below the base address.
    pub(crate) fn url(&self, path: &str) -> Result<Url, ClientError> {
        self.0.base.join(path).map_err(|error| {
            ClientError::Usage(format!("cannot make an address of {path:?}: {error}"))
        })
    }

    /// Sends with retries; `build` is called once for each attempt.
    pub(crate) async fn send(
        &self,
        what: &str,
        scope: &Scope,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let mut attempts = Attempts::new(self.0.options.attempts);
        loop {
            match self.send_once(what, scope, &build).await {
                Ok(response) => return Ok(response),
                Err(error) => attempts.pause_or(error).await?,
            }
        }
    }

    /// Sends once; a demand for authentication is met and the request sent again.
    pub(crate) async fn send_once(
        &self,
        what: &str,
        scope: &Scope,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let response = self.send_as(what, scope, build(&self.0.http)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.success(what, response).await;
        }
        let answered = self
            .0
            .auth
            .answer(&self.0.http, response.headers(), scope)
            .await?;
        if !answered {
            return self.success(what, response).await;
        }
        let response = self.send_as(what, scope, build(&self.0.http)).await?;
        self.success(what, response).await
    }

    async fn send_as(
        &self,
        what: &str,
        scope: &Scope,
        request: RequestBuilder,
    ) -> Result<Response, ClientError> {
        let mut request = request
            .build()
            .map_err(|error| ClientError::Usage(error.without_url().to_string()))?;
        self.0.auth.apply(&mut request, scope).await;
        let trace = self.0.options.trace.and_then(|trace| trace());
        if let Some(trace) = trace.and_then(|trace| HeaderValue::try_from(trace).ok()) {
            request.headers_mut().insert("traceparent", trace);
        }
        let sent = self.0.http.execute(request).await;
        sent.map_err(|error| self.unreachable(what, &error))
    }

    pub(crate) fn unreachable(&self, what: &str, error: &reqwest::Error) -> ClientError {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        // The outermost text only repeats the address; the innermost says what happened.
        while let Some(inner) = source {
            message = inner.to_string();
            source = inner.source();
        }
        ClientError::Retryable {
            server: self.host(),
            what: what.to_owned(),
            message,
            after: None,
        }
    }

    pub(crate) async fn success(
        &self,
        what: &str,
        response: Response,
    ) -> Result<Response, ClientError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let after = retry_after(response.headers());
        let body = self
            .body(what, response, MAX_ERROR_BYTES)
            .await
            .unwrap_or_default();
        Err(refusal(self.host(), what, status, after, &body))
    }

    /// Reads a body that must not be larger than the bound.
    ///
    /// # Errors
    /// When it is larger or the line is cut.
    pub async fn body(
        &self,
        what: &str,
        mut response: Response,
        bound: usize,
    ) -> Result<Bytes, ClientError> {
        let mut read = BytesMut::new();
        loop {
            let piece = response
                .chunk()
                .await
                .map_err(|error| self.unreachable(what, &error))?;
            let Some(piece) = piece else {
                return Ok(read.freeze());
            };
            if read.len() + piece.len() > bound {
                return Err(self.odd(what, format!("the answer is larger than {bound} bytes")));
            }
            read.extend_from_slice(&piece);
        }
    }

    /// The other side did something that the protocol does not allow.
    pub(crate) fn odd(&self, what: &str, message: impl Into<String>) -> ClientError {
        ClientError::Protocol {
            server: self.host(),
            what: what.to_owned(),
            message: message.into(),
        }
    }
}

/// `HOST` or `HOST:PORT` of an address.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn parse_base(text: &str) -> Result<Url, ClientError> {
    let refuse = |why: &str| {
        ClientError::Usage(format!(
            "the server address {text:?} {why}; write it as http://HOST:PORT or https://HOST"
        ))
    };
    let mut url = Url::parse(text).map_err(|_| refuse("cannot be read"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("holds a user or a password"));
    }
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Redirects are followed, a few, and never from https back to http. The
/// Authorization header is taken off by the HTTP client when the host changes.
fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let downgraded = attempt.url().scheme() == "http"
            && attempt
                .previous()
                .last()
                .is_some_and(|from| from.scheme() == "https");
        if downgraded {
            attempt.error("it leads from https back to http")
        } else if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}
