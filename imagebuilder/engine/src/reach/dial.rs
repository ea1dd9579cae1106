//! Opens the way to a host that may be asked: straight, or through the proxy of this site.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proxies::{Intercept, Proxies};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::judge::{Judge, Refusal};
use super::names::{Names, SystemNames};
use super::rule::ReachRule;
use super::serve::HEAD_BYTES;
use super::target::{Host, Target};

/// What does not answer in this time will not.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Of a name that leads to many addresses.
const ADDRESSES: usize = 8;

/// A connection, whatever is below it.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    Refused(Refusal),
    /// For people; what failed is on the way there.
    Failed(String),
}

/// Opens connections.
pub(crate) struct Dialler {
    pub(crate) judge: Judge,
    pub(crate) proxies: Proxies,
    pub(crate) names: Arc<dyn Names>,
}

impl Dialler {
    /// Opens what the rules allow, through the proxies where one applies.
    pub(crate) fn new(rules: Option<Vec<ReachRule>>, proxies: Proxies) -> Self {
        Self {
            judge: Judge(rules),
            proxies,
            names: Arc::new(SystemNames),
        }
    }

    /// A connection to the host itself, for what only its two ends understand.
    pub(crate) async fn tunnel(&self, target: &Target) -> Result<Box<dyn Wire>, DialError> {
        self.judge.check(target).map_err(DialError::Refused)?;
        match self.proxy("https", target) {
            Some(proxy) => through(&proxy, target).await,
            None => Ok(Box::new(self.straight(target).await?)),
        }
    }

    /// A connection for one request in plain HTTP, and the proxy that is at its end, if one is.
    pub(crate) async fn plain(
        &self,
        target: &Target,
    ) -> Result<(Box<dyn Wire>, Option<Intercept>), DialError> {
        self.judge.check(target).map_err(DialError::Refused)?;
        match self.proxy("http", target) {
            Some(proxy) => Ok((Box::new(to_proxy(&proxy).await?), Some(proxy))),
            None => Ok((Box::new(self.straight(target).await?), None)),
        }
    }

    fn proxy(&self, scheme: &str, target: &Target) -> Option<Intercept> {
        let uri: Uri = format!("{scheme}://{target}/").parse().ok()?;
        self.proxies.way_to(&uri)
    }

    /// Looks the name up once, and connects only to addresses that were looked at.
    async fn straight(&self, target: &Target) -> Result<TcpStream, DialError> {
        let found = match &target.host {
            Host::Address(address) => return connect(*address, target).await,
            Host::Name(name) => timeout(CONNECT_WITHIN, self.names.find(name)).await,
        };
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(failed(target, &error)),
            Err(_) => return Err(failed(target, &"its name is not found in time")),
        };
        let mut last = failed(target, &"its name leads to no address");
        for address in found.into_iter().take(ADDRESSES) {
            let tried = match self.judge.check_address(target, address) {
                Ok(()) => connect(address, target).await,
                Err(refusal) => Err(DialError::Refused(refusal)),
            };
            match tried {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

async fn connect(address: IpAddr, target: &Target) -> Result<TcpStream, DialError> {
    let opening = TcpStream::connect(SocketAddr::new(address, target.port));
    match timeout(CONNECT_WITHIN, opening).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(target, &error)),
        Err(_) => Err(failed(target, &"it does not answer in time")),
    }
}

fn failed(target: &Target, why: &dyn std::fmt::Display) -> DialError {
    DialError::Failed(format!("cannot connect to {target}: {why}"))
}

fn proxy_failed(proxy: &Intercept, why: &dyn std::fmt::Display) -> DialError {
    let authority = proxy.uri().authority().map_or("", |one| one.as_str());
    DialError::Failed(format!("the proxy {authority} of this builder: {why}"))
}

/// Whoever runs the builder chose the proxy: it may be anywhere.
async fn to_proxy(proxy: &Intercept) -> Result<TcpStream, DialError> {
    let host = proxy.uri().host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = proxy.uri().port_u16().unwrap_or(80);
    match timeout(CONNECT_WITHIN, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(proxy_failed(proxy, &error)),
        Err(_) => Err(proxy_failed(proxy, &"it does not answer in time")),
    }
}

/// Asks the proxy for a tunnel.
async fn through(proxy: &Intercept, target: &Target) -> Result<Box<dyn Wire>, DialError> {
    let stream = to_proxy(proxy).await?;
    match timeout(CONNECT_WITHIN, ask(stream, proxy, target)).await {
        Ok(Ok(Ok(wire))) => Ok(wire),
        Ok(Ok(Err(status))) => Err(proxy_failed(
            proxy,
            &format!("it answered {status} for {target}"),
        )),
        Ok(Err(error)) => Err(proxy_failed(proxy, &error)),
        Err(_) => Err(proxy_failed(proxy, &"it does not answer in time")),
    }
}

async fn ask(
    stream: TcpStream,
    proxy: &Intercept,
    target: &Target,
) -> io::Result<Result<Box<dyn Wire>, StatusCode>> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = target.to_string().parse().map_err(io::Error::other)?;
    let host = HeaderValue::try_from(target.to_string()).map_err(io::Error::other)?;
    request.headers_mut().insert(header::HOST, host);
    if let Some(credential) = proxy.basic_auth() {
        let headers = request.headers_mut();
        headers.insert(header::PROXY_AUTHORIZATION, credential.clone());
    }
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let mut connection = std::pin::pin!(connection.with_upgrades());
    // The connection moves only while it is polled; it ends when it has become a tunnel.
    let answering = async {
        let answer = sender.send_request(request).await?;
        match answer.status() {
            status if status.is_success() => Ok(Ok(hyper::upgrade::on(answer).await?)),
            status => Ok::<_, hyper::Error>(Err(status)),
        }
    };
    let mut answering = std::pin::pin!(answering);
    let answer = tokio::select! {
        biased;
        answer = &mut answering => answer,
        ended = &mut connection => match ended {
            Ok(()) => answering.await,
            Err(error) => Err(error),
        },
    };
    let answer = answer.map_err(io::Error::other)?;
    Ok(answer.map(|tunnel| Box::new(TokioIo::new(tunnel)) as Box<dyn Wire>))
}
