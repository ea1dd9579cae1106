//! Small requests on many kept connections: one thread, one epoll, two system calls for each
//! request and no allocation, so that it is always the server that is measured.
//!
//! Each connection has one request on its way: no pipelining.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::net::RecvFlags;

use crate::server::Server;
use crate::wire::Head;

/// The longest time that is told apart; more counts as this.
const LONGEST_NANOS: u64 = 60_000_000_000;
/// The longest answer that is read here.
const ANSWER_BYTES: usize = 8 << 20;
/// What clients of images say. Without it one of the servers hides OCI manifests.
const ACCEPT: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";

/// What was answered in which time.
pub(crate) struct Answered {
    pub(crate) requests: u64,
    pub(crate) time: Duration,
    /// Nanoseconds from the request's first byte to the answer's last.
    pub(crate) latency: Histogram<u64>,
}

impl Answered {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Milliseconds that this share of the requests took at most.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1e6
    }
}

/// Asks for a target on so many plain connections for so long. Every answer has to be a 200.
pub(crate) fn get(
    server: &Server,
    targets: &[String],
    connections: usize,
    time: Duration,
) -> Result<Answered> {
    ensure!(!targets.is_empty(), "nothing to ask for");
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut asking = Vec::with_capacity(connections);
    for number in 0..connections {
        let one = Asking::new(server, targets, number)?;
        epoll::add(
            &poll,
            &one.socket,
            epoll::EventData::new_u64(number as u64),
            epoll::EventFlags::IN,
        )?;
        asking.push(one);
    }
    let mut answered = Answered {
        requests: 0,
        time: Duration::ZERO,
        latency: Histogram::new_with_max(LONGEST_NANOS, 3)?,
    };
    let mut events = Vec::with_capacity(connections);
    let started = Instant::now();
    for one in &mut asking {
        one.ask()?;
    }
    while started.elapsed() < time {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let one = asking
                .get_mut(usize::try_from(event.data.u64())?)
                .context("know the connection")?;
            if one.read()? {
                let nanos = u64::try_from(one.asked.elapsed().as_nanos())?;
                answered.latency.saturating_record(nanos);
                answered.requests += 1;
                one.ask()?;
            }
        }
    }
    answered.time = started.elapsed();
    Ok(answered)
}

/// One connection with a request on its way.
struct Asking {
    socket: TcpStream,
    requests: Vec<Vec<u8>>,
    next: usize,
    asked: Instant,
    buffer: Vec<u8>,
    have: usize,
    /// The length of the answer that is being read, once its head is there.
    whole: Option<usize>,
}

impl Asking {
    fn new(server: &Server, targets: &[String], number: usize) -> Result<Self> {
        let socket = TcpStream::connect(server.address).context("connect")?;
        socket.set_nodelay(true)?;
        let requests = targets
            .iter()
            .map(|target| {
                format!(
                    "GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: {ACCEPT}\r\n\r\n",
                    server.address
                )
                .into_bytes()
            })
            .collect::<Vec<_>>();
        Ok(Self {
            socket,
            // Connections begin at different targets.
            next: number % requests.len(),
            requests,
            asked: Instant::now(),
            buffer: vec![0; 64 << 10],
            have: 0,
            whole: None,
        })
    }

    fn ask(&mut self) -> Result<()> {
        self.have = 0;
        self.whole = None;
        self.asked = Instant::now();
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        self.socket.write_all(request).context("ask")
    }

    /// Reads what is there; whether the answer is complete.
    fn read(&mut self) -> Result<bool> {
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
        let whole = match self.whole {
            Some(whole) => whole,
            None => match Head::parse(&self.buffer[..self.have])? {
                Some(head) if head.status == 200 => {
                    *self.whole.insert(head.length + usize::try_from(head.body)?)
                }
                Some(head) => bail!("an answer has status {}", head.status),
                None => return Ok(false),
            },
        };
        ensure!(self.have <= whole, "more came than was asked for");
        Ok(self.have == whole)
    }
}
