//! Small requests on many kept connections: one thread, one epoll, two system calls for each
//! request and no allocation, so that it is always the server that is measured.
//!
//! Each connection has one request on its way: no pipelining.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use super::Latency;
use crate::server::Server;
use crate::wire::Exchange;

/// What clients of images say. Without it one of the servers hides OCI manifests.
const ACCEPT: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";

/// What was answered in which time.
pub(crate) struct Answered {
    pub(crate) requests: u64,
    pub(crate) time: Duration,
    /// From the request's first byte to the answer's last.
    pub(crate) latency: Latency,
}

impl Answered {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }

    /// Milliseconds that this share of the requests took at most.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        self.latency.millis(share)
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
            &one.exchange,
            epoll::EventData::new_u64(number as u64),
            epoll::EventFlags::IN,
        )?;
        asking.push(one);
    }
    let mut answered = Answered {
        requests: 0,
        time: Duration::ZERO,
        latency: Latency::new()?,
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
                answered.latency.record(one.asked.elapsed());
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
    exchange: Exchange,
    requests: Vec<Vec<u8>>,
    next: usize,
    asked: Instant,
}

impl Asking {
    fn new(server: &Server, targets: &[String], number: usize) -> Result<Self> {
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
            exchange: Exchange::open(server.address)?,
            // Connections begin at different targets.
            next: number % requests.len(),
            requests,
            asked: Instant::now(),
        })
    }

    fn ask(&mut self) -> Result<()> {
        self.asked = Instant::now();
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        self.exchange.send(request)
    }

    /// Reads what is there; whether the answer is complete.
    fn read(&mut self) -> Result<bool> {
        let Some(answer) = self.exchange.read()? else {
            return Ok(false);
        };
        ensure!(
            answer.status == 200,
            "an answer has status {}",
            answer.status
        );
        Ok(true)
    }
}
