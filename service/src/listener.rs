//! Accepts connections and serves a router on them, plain or over TLS.
//!
//! Bounded: connections, time for a handshake, for a header, for each piece of
//! a body, for each write, and for what is in flight when the server stops. What
//! comes beyond the bound on connections is told to come back (`overload.rs`).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::config::ServerConfig;
use crate::overload;
use crate::stall::WriteDeadline;
use crate::tls::Acceptor;
pub use crate::tls::TlsError;

/// A handshake takes two round trips; ten seconds forgive the worst line.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The line and the fields of a request's header together. It is also the buffer that
/// bodies are read through, and a smaller one makes uploads slower.
pub(crate) const HEADER_BYTES: usize = 400 << 10;
/// What hyper takes at most.
pub(crate) const HEADER_FIELDS: usize = 100;
/// What hyper and its types take at most.
pub(crate) const ADDRESS_BYTES: usize = 65_534;
/// After an error that is not the client's (out of descriptors), do not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process has the port. Remedy: another port, or stop that process.
    #[error("the address {0} is in use by another process")]
    InUse(SocketAddr),
    /// The system refused for another reason.
    #[error("cannot listen on {address}")]
    Io {
        /// The address wanted.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate or key are no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// How an answer travels; every request has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// As it is: the kernel can take the bytes from where they lie.
    Plain,
    /// This process reads every byte of it.
    Encrypted,
}

/// An open port, not accepting yet.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Acceptor>,
    address: SocketAddr,
    limits: Limits,
}

#[derive(Clone)]
struct Limits {
    connections: Arc<Semaphore>,
    told: Arc<Semaphore>,
    header: Duration,
    stall: Duration,
    shutdown: Duration,
}

impl Listener {
    /// Opens the port that the configuration names.
    ///
    /// # Errors
    /// When the port is taken or not allowed, or TLS files are no good.
    pub async fn bind(config: &ServerConfig) -> Result<Self, ListenError> {
        let tls = match (&config.tls_certificate, &config.tls_key) {
            (Some(certificate), Some(key)) => Some(Acceptor::new(certificate, key)?),
            _ => None,
        };
        let wanted = config.listen;
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(wanted),
            _ => ListenError::Io {
                address: wanted,
                source,
            },
        };
        let socket = TcpListener::bind(wanted).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let room = crate::descriptors::room_for_connections();
        let connections = config.max_connections.min(room).min(Semaphore::MAX_PERMITS);
        if connections < config.max_connections {
            tracing::warn!(
                connections,
                wanted = config.max_connections,
                "the bound on open files (ulimit -n) leaves room for fewer connections"
            );
        }
        Ok(Self {
            socket,
            tls,
            address,
            limits: Limits {
                connections: Arc::new(Semaphore::new(connections)),
                told: Arc::new(Semaphore::new(overload::TOLD_AT_ONCE)),
                header: Duration::from_secs(config.header_timeout_secs),
                stall: Duration::from_secs(config.stall_timeout_secs),
                shutdown: Duration::from_secs(config.shutdown_timeout_secs),
            },
        })
    }

    /// The address that was really opened; with port 0 the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS` or `https://ADDRESS`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` is cancelled, then finishes what is in flight.
    /// What is not done by the deadline is cut.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let router = router.layer(axum::middleware::from_fn_with_state(
            self.limits.stall,
            crate::body_timeout::bound,
        ));
        let overloaded = overload::router();
        let tasks = TaskTracker::new();
        let cut = CancellationToken::new();
        loop {
            let socket = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let socket = match socket {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let mut limits = self.limits.clone();
            let (permit, routes) = match Arc::clone(&limits.connections).try_acquire_owned() {
                Ok(permit) => (permit, &router),
                Err(_) => tokio::select! {
                    told = Arc::clone(&self.limits.told).acquire_owned() => match told {
                        Ok(permit) => {
                            limits.header = limits.header.min(overload::PATIENCE);
                            (permit, &overloaded)
                        }
                        Err(_) => break,
                    },
                    () = stop.cancelled() => break,
                },
            };
            let serve = connection(
                socket,
                self.tls.clone(),
                routes.clone(),
                limits,
                stop.clone(),
            );
            let cut = cut.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = serve => {}
                    () = cut.cancelled() => {}
                }
                drop(permit);
            });
        }
        drop(self.socket);
        tasks.close();
        if tokio::time::timeout(self.limits.shutdown, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = tasks.len(),
                "cutting connections that did not finish in time"
            );
            cut.cancel();
            tasks.wait().await;
        }
    }
}

async fn connection(
    socket: TcpStream,
    tls: Option<Acceptor>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    // Small answers must not wait for the acknowledgement of the ones before.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let Some(tls) = tls else {
        return talk(socket, Wire::Plain, router, limits, stop).await;
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await {
        Ok(Ok(stream)) => talk(stream, Wire::Encrypted, router, limits, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn talk<S>(stream: S, wire: Wire, router: Router, limits: Limits, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
        let router = router.clone();
        request.extensions_mut().insert(wire);
        async move {
            let answer = router.oneshot(request.map(Body::new)).await;
            answer.map_err(|never: Infallible| never)
        }
    });
    let io = TokioIo::new(WriteDeadline::new(stream, limits.stall));
    // The header's time also runs while a kept connection is idle.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
