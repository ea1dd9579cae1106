//! What the load generator does to a server: pulls, small requests, pushes. Each drive answers
//! with what was done in which time; what that means, `bench` knows.

mod ask_on_time;
mod latency;
mod pull;
mod push;
mod requests;
mod schedule;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

pub(crate) use ask_on_time::{OnTime, ask_on_time};
pub(crate) use latency::Latency;
pub(crate) use pull::{Background, pull};
pub(crate) use push::{Content, Unique, path, push, push_begin};
pub(crate) use requests::get;
pub(crate) use schedule::Schedule;

/// Does the same on some threads at once, all of them begun together; the time that all took.
pub(crate) fn at_once<T: Send>(
    threads: usize,
    act: impl Fn(usize) -> Result<T> + Sync,
) -> Result<(Vec<T>, Duration)> {
    let gate = std::sync::Barrier::new(threads);
    let started = Instant::now();
    let results = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                let (act, gate) = (&act, &gate);
                scope.spawn(move || {
                    gate.wait();
                    act(number)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a thread of the load generator panicked")))
            })
            .collect::<Result<Vec<T>>>()
    })?;
    Ok((results, started.elapsed()))
}
