//! Carries bytes both ways until both ends are done, or nothing has moved for a while.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const PIECE_BYTES: usize = 16 << 10;

/// Carries bytes between two connections. One way may be silent as long as the other is not.
pub(crate) async fn relay(
    one: impl AsyncRead + AsyncWrite,
    other: impl AsyncRead + AsyncWrite,
    idle: Duration,
) -> io::Result<()> {
    let moved = AtomicU64::new(0);
    let (one_in, one_out) = tokio::io::split(one);
    let (other_in, other_out) = tokio::io::split(other);
    let both = async {
        tokio::try_join!(
            carry(one_in, other_out, &moved),
            carry(other_in, one_out, &moved)
        )
    };
    tokio::select! {
        done = both => done.map(|_| ()),
        () = quiet(&moved, idle) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &AtomicU64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..read]).await?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ends once nothing has moved between two looks.
async fn quiet(moved: &AtomicU64, idle: Duration) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(idle).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}
