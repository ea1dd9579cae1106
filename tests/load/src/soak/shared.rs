//! What the clients, the killer and the checks of a soak share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::history::Time;
use crate::wire::{Answer, Body, Connection};

/// How many unexpected things are kept in words; more are only counted.
const WORDS: usize = 50;

pub(super) struct Shared {
    started: Instant,
    stop: AtomicBool,
    slots: Vec<Slot>,
    /// How often a server went or came.
    changes: AtomicU64,
    pub(super) counts: Counts,
    complaints: Mutex<Vec<String>>,
}

/// The place of one server, which comes and goes.
struct Slot {
    address: RwLock<SocketAddr>,
    /// Whether new requests are sent there.
    up: AtomicBool,
    kills: AtomicU64,
    starts: AtomicU64,
}

/// What happened, in numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) operations: AtomicU64,
    pub(super) kills: AtomicU64,
    /// Servers that were asked to end, and started again, while others went on.
    pub(super) restarts: AtomicU64,
    /// Pushes that the server said it has.
    pub(super) acknowledged: AtomicU64,
    /// Requests that ended without an answer because the server was killed.
    pub(super) cut: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) pulls: AtomicU64,
    pub(super) collections: AtomicU64,
    /// Acknowledged content that was not there or not the same.
    pub(super) lost: AtomicU64,
    /// Answers that no order of events explains.
    pub(super) violations: AtomicU64,
    /// Anything else that should not happen, such as a 500.
    pub(super) errors: AtomicU64,
}

/// Why a request has no usable answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server was killed; nobody knows what became of the request.
    Cut,
    /// It should not have failed; it is counted and described already.
    Unexpected,
}

impl Shared {
    pub(super) fn new(addresses: &[SocketAddr]) -> Self {
        let slot = |address: &SocketAddr| Slot {
            address: RwLock::new(*address),
            up: AtomicBool::new(true),
            kills: AtomicU64::new(0),
            starts: AtomicU64::new(0),
        };
        Self {
            started: Instant::now(),
            stop: AtomicBool::new(false),
            slots: addresses.iter().map(slot).collect(),
            changes: AtomicU64::new(0),
            counts: Counts::default(),
            complaints: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Time {
        Time::try_from(self.started.elapsed().as_nanos()).unwrap_or(Time::MAX)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// From here until [`Shared::back`] requests that this server has fail by nobody's fault.
    pub(super) fn killing(&self, server: usize) {
        self.slots[server].kills.fetch_add(1, Ordering::SeqCst);
        self.leaving(server);
    }

    /// From here until [`Shared::back`] the server gets no new requests; those that it has it
    /// must answer.
    pub(super) fn leaving(&self, server: usize) {
        self.slots[server].up.store(false, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn back(&self, server: usize, address: SocketAddr) {
        let slot = &self.slots[server];
        *slot.address.write().unwrap_or_else(PoisonError::into_inner) = address;
        slot.starts.fetch_add(1, Ordering::SeqCst);
        slot.up.store(true, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// How often a server went or came.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Any server that takes requests.
    fn pick(&self) -> Option<usize> {
        let up: Vec<usize> = (0..self.slots.len())
            .filter(|&server| self.slots[server].up.load(Ordering::SeqCst))
            .collect();
        match up.len() {
            0 => None,
            many => Some(up[rand::random_range(0..many)]),
        }
    }

    pub(super) fn complain(&self, counter: &AtomicU64, what: String) {
        counter.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < WORDS {
            complaints.push(what);
        }
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One client's way to the servers: each request goes to any of them, as a balancer without
/// sticky sessions sends it.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    connections: Vec<Option<(u64, Connection)>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            connections: shared.slots.iter().map(|_| None).collect(),
        }
    }

    /// One request. Statuses from 500 on are unexpected; what others mean, the caller knows.
    pub(super) fn call(
        &mut self,
        method: &str,
        target: &str,
        body: Body<'_>,
    ) -> Result<Answer, Failed> {
        let counts = &self.shared.counts;
        count(&counts.operations);
        let Some(server) = self.shared.pick() else {
            count(&counts.cut);
            return Err(Failed::Cut);
        };
        let slot = &self.shared.slots[server];
        let kills = slot.kills.load(Ordering::SeqCst);
        match self.try_call(server, method, target, body) {
            Ok(answer) if answer.head.status < 500 => {
                if answer.head.closes {
                    self.connections[server] = None;
                }
                Ok(answer)
            }
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                let what = format!("{method} {target}: {} {said}", answer.head.status);
                self.shared.complain(&counts.errors, what);
                self.connections[server] = None;
                Err(Failed::Unexpected)
            }
            Err(error) => {
                self.connections[server] = None;
                // A kill between the choice of the server and the look at its kills leaves it down.
                let killed = slot.kills.load(Ordering::SeqCst) != kills
                    || (kills > 0 && !slot.up.load(Ordering::SeqCst));
                if killed {
                    count(&counts.cut);
                    return Err(Failed::Cut);
                }
                let what = format!("{method} {target}: {error:#}");
                self.shared.complain(&counts.errors, what);
                Err(Failed::Unexpected)
            }
        }
    }

    fn try_call(
        &mut self,
        server: usize,
        method: &str,
        target: &str,
        body: Body<'_>,
    ) -> Result<Answer> {
        let slot = &self.shared.slots[server];
        let starts = slot.starts.load(Ordering::SeqCst);
        let place = &mut self.connections[server];
        // A connection from before a start leads to nobody.
        if place.as_ref().is_none_or(|(then, _)| *then != starts) {
            let address = *slot.address.read().unwrap_or_else(PoisonError::into_inner);
            *place = Some((starts, Connection::open(address, None)?));
        }
        let (_, connection) = place.as_mut().context("have a connection")?;
        connection.call(method, target, body)
    }
}
