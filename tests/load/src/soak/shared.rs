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
    address: RwLock<SocketAddr>,
    /// Goes up before the server is killed and once more when it is back: odd while it is down.
    epoch: AtomicU64,
    pub(super) counts: Counts,
    complaints: Mutex<Vec<String>>,
}

/// What happened, in numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) operations: AtomicU64,
    pub(super) kills: AtomicU64,
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
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            started: Instant::now(),
            stop: AtomicBool::new(false),
            address: RwLock::new(address),
            epoch: AtomicU64::new(0),
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

    pub(super) fn address(&self) -> SocketAddr {
        *self.address.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here until [`Shared::back`] failed requests are nobody's fault.
    pub(super) fn killing(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn back(&self, address: SocketAddr) {
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = address;
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Whether the server was killed since an epoch was read, or is down.
    fn was_killed_since(&self, epoch: u64) -> bool {
        !epoch.is_multiple_of(2) || self.epoch() != epoch
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

/// One client's way to the server, opened again after each kill.
pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    connection: Option<(u64, Connection)>,
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            connection: None,
        }
    }

    /// One request. Statuses from 500 on are unexpected; what others mean, the caller knows.
    pub(super) fn call(
        &mut self,
        method: &str,
        target: &str,
        body: Body<'_>,
    ) -> Result<Answer, Failed> {
        count(&self.shared.counts.operations);
        let epoch = self.shared.epoch();
        match self.try_call(epoch, method, target, body) {
            Ok(answer) if answer.head.status < 500 => {
                if answer.head.closes {
                    self.connection = None;
                }
                Ok(answer)
            }
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                let what = format!("{method} {target}: {} {said}", answer.head.status);
                self.shared.complain(&self.shared.counts.errors, what);
                self.connection = None;
                Err(Failed::Unexpected)
            }
            Err(error) => {
                self.connection = None;
                if self.shared.was_killed_since(epoch) {
                    count(&self.shared.counts.cut);
                    return Err(Failed::Cut);
                }
                let what = format!("{method} {target}: {error:#}");
                self.shared.complain(&self.shared.counts.errors, what);
                Err(Failed::Unexpected)
            }
        }
    }

    fn try_call(
        &mut self,
        epoch: u64,
        method: &str,
        target: &str,
        body: Body<'_>,
    ) -> Result<Answer> {
        // A connection from before a kill leads to nobody.
        if self
            .connection
            .as_ref()
            .is_none_or(|(then, _)| *then != epoch)
        {
            self.connection = Some((epoch, Connection::open(self.shared.address(), None)?));
        }
        let (_, connection) = self.connection.as_mut().context("have a connection")?;
        connection.call(method, target, body)
    }
}
