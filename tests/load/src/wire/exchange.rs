//! One kept connection whose answer is read as it comes, so that one thread can have many of
//! them. Plain only, no pipelining, and no allocation for a request.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context as _, Result, ensure};
use rustix::net::RecvFlags;

use super::Head;

/// The longest answer that is read here.
const ANSWER_BYTES: usize = 8 << 20;

/// A connection with at most one request on its way.
pub(crate) struct Exchange {
    socket: TcpStream,
    buffer: Vec<u8>,
    have: usize,
    /// The head of the answer that is being read, once it is there.
    head: Option<Head>,
}

/// An answer that is there to its last byte.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    pub(crate) closes: bool,
}

impl Exchange {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).context("connect")?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: vec![0; 64 << 10],
            have: 0,
            head: None,
        })
    }

    /// Sends a whole request; the answer before it is forgotten.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        self.have = 0;
        self.head = None;
        self.socket.write_all(request).context("ask")
    }

    /// Reads what is there; the answer, if that was the last of it.
    pub(crate) fn read(&mut self) -> Result<Option<Whole<'_>>> {
        if self.have == self.buffer.len() {
            ensure!(self.have < ANSWER_BYTES, "the answer is too long");
            self.buffer.resize(self.have * 2, 0);
        }
        let (_, read) = rustix::net::recv(
            &self.socket,
            &mut self.buffer[self.have..],
            RecvFlags::DONTWAIT,
        )
        .context("read an answer")?;
        ensure!(read > 0, "the server closed the connection");
        self.have += read;
        if self.head.is_none() {
            self.head = Head::parse(&self.buffer[..self.have])?;
        }
        let Some(head) = &self.head else {
            return Ok(None);
        };
        let whole = head.length + usize::try_from(head.body)?;
        ensure!(self.have <= whole, "more came than was asked for");
        Ok((self.have == whole).then(|| Whole {
            status: head.status,
            body: &self.buffer[head.length..whole],
            closes: head.closes,
        }))
    }
}

impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
