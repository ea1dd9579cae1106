//! One kept connection: a request after the other, plain or over TLS.
//!
//! A body that nobody wants is discarded in the kernel and never copied, so that what a
//! measurement shows is the server's cost.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::RecvFlags;
use rustls::{ClientConnection, Stream};

use super::{ClientTls, Head};

/// How long a server may be silent before a measurement is given up.
const SILENCE: Duration = Duration::from_secs(120);
/// How much the kernel is asked to discard at once.
const DISCARD_BYTES: usize = 1 << 20;
/// Answers that are read are small: lists, errors, manifests.
const ANSWER_BYTES: u64 = 64 << 20;

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Fails, with the server's own words, unless the status is this one.
    pub(crate) fn expect(self, status: u16) -> Result<Self> {
        let said = String::from_utf8_lossy(&self.body[..self.body.len().min(400)]).into_owned();
        ensure!(
            self.head.status == status,
            "wanted {status}, got {}: {said}",
            self.head.status
        );
        Ok(self)
    }
}

/// A connection to a server.
pub(crate) struct Connection {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    buffer: Vec<u8>,
    host: String,
}

impl Connection {
    /// Connects and, over TLS, shakes hands.
    pub(crate) fn open(address: SocketAddr, tls: Option<&ClientTls>) -> Result<Self> {
        let mut socket = TcpStream::connect(address).context("connect")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        let mut tls = tls.map(ClientTls::begin).transpose()?;
        if let Some(tls) = &mut tls {
            while tls.is_handshaking() {
                tls.complete_io(&mut socket).context("shake hands")?;
            }
        }
        Ok(Self {
            socket,
            tls,
            buffer: Vec::new(),
            host: address.to_string(),
        })
    }

    /// Sends a request with a small body and reads the whole answer.
    pub(crate) fn call(&mut self, method: &str, target: &str, body: Body<'_>) -> Result<Answer> {
        self.begin(method, target, body.media_type, body.bytes.len() as u64)?;
        self.send(body.bytes)?;
        self.answer().with_context(|| format!("{method} {target}"))
    }

    /// Sends the head of a request; `length` bytes of body have to follow.
    pub(crate) fn begin(
        &mut self,
        method: &str,
        target: &str,
        media_type: &str,
        length: u64,
    ) -> Result<()> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if !matches!(method, "GET" | "HEAD" | "DELETE") {
            head.push_str(&format!(
                "Content-Type: {media_type}\r\nContent-Length: {length}\r\n"
            ));
        } else if method == "GET" {
            head.push_str("Accept: */*\r\n");
        }
        head.push_str("\r\n");
        self.send(head.as_bytes())
    }

    /// Sends a part of a body.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.tls {
            None => self.socket.write_all(bytes),
            Some(tls) => {
                let mut stream = Stream::new(tls, &mut self.socket);
                stream.write_all(bytes).and_then(|()| stream.flush())
            }
        }
        .context("send")
    }

    /// Reads an answer into memory.
    pub(crate) fn answer(&mut self) -> Result<Answer> {
        let head = self.head()?;
        ensure!(
            head.body <= ANSWER_BYTES,
            "the answer has {} bytes",
            head.body
        );
        let length = usize::try_from(head.body)?;
        while self.buffer.len() < length {
            self.fill()?;
        }
        let rest = self.buffer.split_off(length);
        let body = std::mem::replace(&mut self.buffer, rest);
        Ok(Answer { head, body })
    }

    /// Reads the head of an answer and throws its body away; how many bytes that had.
    pub(crate) fn discard(&mut self, method: &str, target: &str) -> Result<u64> {
        self.begin(method, target, "", 0)?;
        if self.tls.is_some() {
            bail!("what is encrypted is discarded by `discard_rest`");
        }
        let head = self.head()?;
        ensure!(head.status == 200, "{method} {target}: {}", head.status);
        let have = self.buffer.len() as u64;
        ensure!(have <= head.body, "more than one answer came");
        self.buffer.clear();
        self.discard_bytes(head.body - have)?;
        Ok(head.body)
    }

    /// Sends a request after which the server closes, and throws away all that comes as it comes,
    /// encrypted or not; how many bytes that were.
    pub(crate) fn discard_rest(mut self, target: &str) -> Result<u64> {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            self.host
        );
        self.send(request.as_bytes())?;
        self.discard_bytes(u64::MAX)
    }

    fn head(&mut self) -> Result<Head> {
        loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                self.buffer.drain(..head.length);
                // 100 Continue and its like are not the answer.
                if head.status >= 200 {
                    return Ok(head);
                }
            } else {
                self.fill()?;
            }
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut piece = [0; 16 << 10];
        let read = match &mut self.tls {
            None => self.socket.read(&mut piece),
            Some(tls) => Stream::new(tls, &mut self.socket).read(&mut piece),
        }
        .context("read")?;
        ensure!(read > 0, "the server closed the connection");
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(())
    }

    /// Discards so many bytes, or what comes until the end; how many that were.
    fn discard_bytes(&self, wanted: u64) -> Result<u64> {
        let mut nowhere = vec![0; DISCARD_BYTES];
        let mut gone = 0;
        while gone < wanted {
            let length = usize::try_from(wanted - gone)
                .map_or(DISCARD_BYTES, |left| left.min(DISCARD_BYTES));
            // For TCP this flag drops the bytes without copying them.
            let (_, dropped) =
                rustix::net::recv(&self.socket, &mut nowhere[..length], RecvFlags::TRUNC)
                    .context("discard")?;
            if dropped == 0 {
                ensure!(wanted == u64::MAX, "the server closed after {gone} bytes");
                break;
            }
            gone += dropped as u64;
        }
        Ok(gone)
    }
}

/// A small body of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) bytes: &'a [u8],
}
