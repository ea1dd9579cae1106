//! The same request at a fixed rate on kept connections: one thread, each answer judged.
//!
//! A request is due when the schedule says, not when an answer has come: one that finds no free
//! connection waits, and its time runs. A server that stands still for a second shows as a second
//! of waiting for all that was due in it, where a client that waits for its answers would show
//! one slow request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Latency, Schedule};
use crate::wire::Exchange;

/// How long answers are waited for after the last request was due.
const PATIENCE: Duration = Duration::from_secs(10);

/// Decides whether an answer, by its status and its body, is the right one.
pub(crate) type Judge<'a> = &'a mut dyn FnMut(u16, &[u8]) -> Result<()>;

/// What became of the requests.
pub(crate) struct OnTime {
    /// From when a request was due to the last byte of its answer, without the warm-up. A request
    /// that was never answered counts with the time that it had waited.
    pub(crate) latency: Latency,
    /// How late they were sent, without the warm-up: what is not the server's.
    pub(crate) lateness: Latency,
    /// Wrong answers, none, and broken connections; those of the warm-up too.
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

/// Sends a request as often as the schedule says.
pub(crate) fn ask_on_time(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    schedule: Schedule,
    judge: Judge<'_>,
) -> Result<OnTime> {
    ensure!(schedule.per_second > 0, "the rate is 0");
    ensure!(connections > 0, "there is no connection");
    let lines = (0..connections)
        .map(|_| Line::open(address))
        .collect::<Result<Vec<_>>>()?;
    let sending = Sending {
        address,
        request,
        schedule,
        judge,
        free: (0..lines.len()).collect(),
        lines,
        next: 0,
        found: OnTime {
            latency: Latency::new()?,
            lateness: Latency::new()?,
            errors: 0,
            first_error: None,
        },
        began: Instant::now(),
    };
    sending.run()
}

/// A connection, and the number of the request that is on its way.
struct Line {
    exchange: Exchange,
    request: Option<u64>,
}

impl Line {
    fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            exchange: Exchange::open(address)?,
            request: None,
        })
    }
}

struct Sending<'a> {
    address: SocketAddr,
    request: &'a [u8],
    schedule: Schedule,
    judge: Judge<'a>,
    lines: Vec<Line>,
    /// The one that was not used for longest goes first: all of them stay in use.
    free: VecDeque<usize>,
    /// The number of the next request to be sent.
    next: u64,
    found: OnTime,
    began: Instant,
}

impl Sending<'_> {
    fn run(mut self) -> Result<OnTime> {
        let last = self.schedule.due(self.schedule.requests());
        while !self.is_answered() && self.began.elapsed() < last + PATIENCE {
            self.send_what_is_due()?;
            for index in self.readable(last)? {
                self.read(index)?;
            }
        }
        self.count_unanswered();
        Ok(self.found)
    }

    fn is_answered(&self) -> bool {
        self.next == self.schedule.requests() && self.free.len() == self.lines.len()
    }

    fn send_what_is_due(&mut self) -> Result<()> {
        while self.next < self.schedule.requests() {
            let due = self.schedule.due(self.next);
            let Some(late) = self.began.elapsed().checked_sub(due) else {
                break;
            };
            let Some(index) = self.free.pop_front() else {
                break;
            };
            if self.is_measured(self.next) {
                self.found.lateness.record(late);
            }
            self.lines[index].request = Some(self.next);
            self.next += 1;
            if let Err(error) = self.lines[index].exchange.send(self.request) {
                self.reopen(index, &error)?;
            }
        }
        Ok(())
    }

    /// Waits for answers, at most until a request is due; the connections that have something.
    fn readable(&self, last: Duration) -> Result<Vec<usize>> {
        // Without a free connection nothing can be sent before something is answered.
        let waits = self.next < self.schedule.requests() && !self.free.is_empty();
        let until = if waits {
            self.schedule.due(self.next)
        } else {
            last + PATIENCE
        };
        let wait = Timespec::try_from(until.saturating_sub(self.began.elapsed()))?;
        let busy = || (0..self.lines.len()).filter(|index| self.lines[*index].request.is_some());
        // poll and not epoll: it waits for parts of a millisecond.
        let mut asked: Vec<PollFd<'_>> = busy()
            .map(|index| PollFd::new(&self.lines[index].exchange, PollFlags::IN))
            .collect();
        match poll(&mut asked, Some(&wait)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error).context("wait for answers"),
        }
        let ready = busy().zip(&asked);
        Ok(ready
            .filter(|(_, asked)| !asked.revents().is_empty())
            .map(|(index, _)| index)
            .collect())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let number = self.lines[index].request.context("know the request")?;
        let measured = self.is_measured(number);
        let (judged, closes) = match self.lines[index].exchange.read() {
            Ok(None) => return Ok(()),
            Ok(Some(answer)) => {
                if measured {
                    let due = self.schedule.due(number);
                    self.found
                        .latency
                        .record(self.began.elapsed().saturating_sub(due));
                }
                ((self.judge)(answer.status, answer.body), answer.closes)
            }
            Err(error) => return self.reopen(index, &error),
        };
        if let Err(error) = judged {
            self.count(1, format!("{error:#}"));
        }
        if closes {
            self.lines[index] = Line::open(self.address)?;
        }
        self.lines[index].request = None;
        self.free.push_back(index);
        Ok(())
    }

    fn is_measured(&self, number: u64) -> bool {
        number >= self.schedule.unmeasured()
    }

    /// Counts a broken connection and has a new one in its place.
    fn reopen(&mut self, index: usize, error: &anyhow::Error) -> Result<()> {
        self.count(1, format!("{error:#}"));
        self.lines[index] = Line::open(self.address)
            .with_context(|| format!("connect again after an error: {error:#}"))?;
        self.free.push_back(index);
        Ok(())
    }

    fn count(&mut self, errors: u64, said: String) {
        self.found.errors += errors;
        self.found.first_error.get_or_insert(said);
    }

    fn count_unanswered(&mut self) {
        let on_the_way = self.lines.iter().filter_map(|line| line.request);
        let unanswered: Vec<u64> = on_the_way
            .chain(self.next..self.schedule.requests())
            .collect();
        for number in &unanswered {
            if self.is_measured(*number) {
                let due = self.schedule.due(*number);
                self.found
                    .latency
                    .record(self.began.elapsed().saturating_sub(due));
            }
        }
        if !unanswered.is_empty() {
            let count = unanswered.len() as u64;
            self.count(count, format!("{count} requests had no answer in the end"));
        }
    }
}

#[cfg(test)]
mod tests;
