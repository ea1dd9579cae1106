//! The proxy of one machine: a socket in the build's folder, and what was refused on it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::dial::Dialler;
use super::judge::Refusal;
use super::serve::{Front, HEAD_BYTES};

/// Connections of one machine at once.
pub(crate) const CONNECTIONS: usize = 128;
/// A connection on which nothing moves for this long is ended. Servers that compute think in
/// minutes; what waits longer than that waits in vain.
pub(crate) const IDLE: Duration = Duration::from_secs(300);
/// A guest that is emulated and busy takes its time for a line.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// Hosts that are told of; a role that tries names at random is not worth more events.
pub(crate) const TOLD: usize = 100;

const TOO_MANY: &[u8] = b"HTTP/1.1 503 too many connections to the builder's proxy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A running proxy; ends with all its connections when it is dropped.
pub(crate) struct GuestProxy {
    socket: PathBuf,
    _stop: DropGuard,
    refusals: tokio::sync::Mutex<mpsc::Receiver<Refusal>>,
}

impl GuestProxy {
    /// Listens on `socket`, to this host's user alone.
    pub(crate) fn open(socket: PathBuf, dialler: Dialler) -> io::Result<Self> {
        Self::with_idle(socket, dialler, IDLE)
    }

    pub(super) fn with_idle(socket: PathBuf, dialler: Dialler, idle: Duration) -> io::Result<Self> {
        // One that a killed server left.
        drop(std::fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        let stop = CancellationToken::new();
        let (sender, receiver) = mpsc::channel(TOLD);
        let front = Arc::new(Front {
            dialler,
            refused: Box::new(once_for_each_host(sender)),
            stop: stop.clone(),
            idle,
        });
        tokio::spawn(async move {
            let stop = front.stop.clone();
            stop.run_until_cancelled(accept(listener, front)).await;
        });
        Ok(Self {
            socket,
            _stop: stop.drop_guard(),
            refusals: tokio::sync::Mutex::new(receiver),
        })
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Waits for a host that is refused for the first time.
    pub(crate) async fn next_refusal(&self) -> Refusal {
        match self.refusals.lock().await.recv().await {
            Some(refusal) => refusal,
            None => std::future::pending().await,
        }
    }

    /// The same of what was refused until now.
    #[cfg(test)]
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusals.try_lock().ok()?.try_recv().ok()
    }
}

impl Drop for GuestProxy {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.socket));
    }
}

fn once_for_each_host(sender: mpsc::Sender<Refusal>) -> impl Fn(Refusal) + Send + Sync {
    let told: Mutex<BTreeSet<String>> = Mutex::default();
    move |refusal| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD && told.insert(refusal.target.to_string()) {
            // There is room for as many as are told of.
            drop(sender.try_send(refusal));
        }
    }
}

async fn accept(listener: UnixListener, front: Arc<Front>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("the proxy of a build's machine cannot accept: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            // It is small enough for the socket's buffer: this does not wait for the guest.
            drop(stream.write_all(TOO_MANY).await);
            continue;
        };
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            let stop = front.stop.clone();
            stop.run_until_cancelled(serve(stream, front, Arc::new(permit)))
                .await;
        });
    }
}

async fn serve<H: Send + Sync + 'static>(stream: UnixStream, front: Arc<Front>, hold: Arc<H>) {
    let service = service_fn(|request| {
        let (front, hold) = (Arc::clone(&front), Arc::clone(&hold));
        async move { Ok::<_, Infallible>(front.answer(request, hold).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A guest that breaks off, or speaks something else, was answered as far as it can be.
    drop(connection.await);
}
