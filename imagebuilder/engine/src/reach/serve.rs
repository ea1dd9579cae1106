//! The proxy as the guest sees it: tunnels by CONNECT, plain requests by their whole address.
//!
//! No header is logged, for some of them are credentials; those that concern only one
//! connection (RFC 9110, 7.6.1) end here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use proxies::Intercept;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::dial::{DialError, Dialler, Wire};
use super::judge::Refusal;
use super::relay::relay;
use super::target::Target;

/// The head of a request or an answer; more is refused.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

type Content = UnsyncBoxBody<Bytes, io::Error>;
type Answer = Response<Content>;

/// What all connections of one guest share.
pub(crate) struct Front {
    pub(crate) dialler: Dialler,
    pub(crate) refused: Box<dyn Fn(Refusal) + Send + Sync>,
    pub(crate) stop: CancellationToken,
    pub(crate) idle: Duration,
}

impl Front {
    /// Answers one request; `hold` is what its connection counts as, and a tunnel keeps it.
    pub(crate) async fn answer<H: Send + 'static>(
        self: Arc<Self>,
        request: Request<Incoming>,
        hold: H,
    ) -> Answer {
        let answered = match *request.method() {
            Method::CONNECT => self.connect(request, hold).await,
            _ => self.forward(request).await,
        };
        match answered {
            Ok(answer) => answer,
            Err(DialError::Failed(why)) => say(StatusCode::BAD_GATEWAY, &why),
            Err(DialError::Refused(refusal)) => {
                let answer = say(StatusCode::FORBIDDEN, &refusal.to_string());
                (self.refused)(refusal);
                answer
            }
        }
    }

    async fn connect<H: Send + 'static>(
        self: &Arc<Self>,
        request: Request<Incoming>,
        hold: H,
    ) -> Result<Answer, DialError> {
        let authority = request.uri().authority();
        let Some(target) = authority.and_then(|authority| Target::read(authority, None)) else {
            return Ok(say(StatusCode::BAD_REQUEST, "CONNECT wants HOST:PORT"));
        };
        let far = self.dialler.tunnel(&target).await?;
        let front = Arc::clone(self);
        tokio::spawn(async move {
            let carrying = async {
                if let Ok(near) = hyper::upgrade::on(request).await {
                    // Either end may go at any time; nobody is left to be told.
                    drop(relay(TokioIo::new(near), far, front.idle).await);
                }
            };
            front.stop.run_until_cancelled(carrying).await;
            drop(hold);
        });
        Ok(Response::new(nothing()))
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Answer, DialError> {
        let uri = request.uri();
        let target = match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => Target::read(authority, Some(80)),
            _ => None,
        };
        let Some(target) = target else {
            let why = "this is a proxy: ask for http://HOST/PATH, or for a tunnel with CONNECT";
            return Ok(say(StatusCode::BAD_REQUEST, why));
        };
        let (wire, proxy) = self.dialler.plain(&target).await?;
        let failed = |error: io::Error| {
            DialError::Failed(format!(
                "{target} broke off, or does not speak HTTP: {error}"
            ))
        };
        let request = onward(request, &target, proxy.as_ref(), self.idle).map_err(failed)?;
        let answer = self.exchange(wire, request).await.map_err(failed)?;
        Ok(answer)
    }

    /// Sends one request; the connection ends with the answer.
    async fn exchange(&self, wire: Box<dyn Wire>, request: Request<Content>) -> io::Result<Answer> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(io::Error::other)?;
        let stop = self.stop.clone();
        // It fails together with the body, whose reader is told.
        tokio::spawn(async move {
            drop(stop.run_until_cancelled(connection).await);
        });
        let answer = timeout(self.idle, sender.send_request(request)).await?;
        let answer = answer.map_err(io::Error::other)?;
        let (mut parts, body) = answer.into_parts();
        strip(&mut parts.headers);
        Ok(Response::from_parts(parts, bounded(body, self.idle)))
    }
}

/// The request as the next one on the way wants it.
fn onward(
    request: Request<Incoming>,
    target: &Target,
    proxy: Option<&Intercept>,
    idle: Duration,
) -> io::Result<Request<Content>> {
    let (mut parts, body) = request.into_parts();
    strip(&mut parts.headers);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = match target.port {
        80 => target.host.to_string(),
        _ => target.to_string(),
    };
    let uri = match proxy {
        Some(_) => format!("http://{host}{path}"),
        None => path.to_owned(),
    };
    parts.uri = uri.parse().map_err(io::Error::other)?;
    // What was judged is what is asked for, whatever the guest wrote there.
    let host = HeaderValue::try_from(host).map_err(io::Error::other)?;
    parts.headers.insert(header::HOST, host);
    if let Some(credential) = proxy.and_then(Intercept::basic_auth) {
        parts
            .headers
            .insert(header::PROXY_AUTHORIZATION, credential.clone());
    }
    parts.version = http::Version::HTTP_11;
    Ok(Request::from_parts(parts, bounded(body, idle)))
}

/// Takes off what concerns one connection alone.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let own = [
        header::CONNECTION,
        header::EXPECT,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in named.iter().chain(&own) {
        headers.remove(name);
    }
}

/// A body that fails once nothing of it has come for a while.
fn bounded(body: Incoming, idle: Duration) -> Content {
    if body.is_end_stream() {
        return nothing();
    }
    let frames = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout(idle, body.frame()).await {
            Ok(Some(Ok(frame))) => Some((Ok(frame), Some(body))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Ok(None) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn nothing() -> Content {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// An answer of our own. Many programs show the line with the status and nothing else, so the
/// sentence is there too.
fn say(status: StatusCode, sentence: &str) -> Answer {
    let body = Full::from(format!("packyard: {sentence}\n"));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    if let Ok(reason) = ReasonPhrase::try_from(sentence.as_bytes().to_vec()) {
        answer.extensions_mut().insert(reason);
    }
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}
