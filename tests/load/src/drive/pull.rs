//! Pulling a large blob, its bytes discarded in the kernel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::at_once;
use crate::server::Server;
use crate::wire::Connection;

/// Pulls a blob on each of some connections at once, so many times on each; bytes and time.
///
/// Plain connections are kept. Over TLS each pull has its own, since the end of what is not
/// decrypted shows only by its closing.
pub(crate) fn pull(
    server: &Server,
    target: &str,
    size: u64,
    connections: usize,
    times: usize,
) -> Result<(u64, Duration)> {
    let (pulled, time) = at_once(connections, |_| {
        let mut kept: Option<Connection> = None;
        let mut bytes = 0;
        for _ in 0..times {
            let came = if server.tls.is_some() {
                // Records and their heads make it more than the blob itself.
                let came = server.connect()?.discard_rest(target)?;
                ensure!(came > size, "{target} gave {came} bytes of {size}");
                size
            } else {
                let connection = match &mut kept {
                    Some(connection) => connection,
                    none => none.insert(server.connect()?),
                };
                let came = connection.discard("GET", target)?;
                ensure!(came == size, "{target} gave {came} bytes of {size}");
                came
            };
            bytes += came;
        }
        Ok(bytes)
    })?;
    Ok((pulled.iter().sum(), time))
}

/// Pulls that go on beside a measurement until they are stopped.
pub(crate) struct Background {
    stop: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Background {
    /// Begins to pull a blob on some plain connections, over and over.
    pub(crate) fn start(server: &Server, target: &str, connections: usize) -> Result<Self> {
        let (stop, bytes) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut threads = Vec::new();
        for _ in 0..connections {
            let mut connection = server.connect()?;
            let (stop, bytes, target) = (Arc::clone(&stop), Arc::clone(&bytes), target.to_owned());
            threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let bytes: &AtomicU64 = &bytes;
                    bytes.fetch_add(connection.discard("GET", &target)?, Ordering::Relaxed);
                }
                Ok(())
            }));
        }
        Ok(Self {
            stop,
            bytes,
            threads,
        })
    }

    /// Ends the pulls after the ones that run; how many bytes came in all.
    pub(crate) fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread
                .join()
                .map_err(|_| anyhow!("a pull panicked"))?
                .context("pull beside a measurement")?;
        }
        Ok(self.bytes.load(Ordering::Relaxed))
    }
}
