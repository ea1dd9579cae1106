//! What was found: a line for people, JSON for programs.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::drive::{OnTime, Schedule};

/// Times are milliseconds from when a request was due. Other programs read it: names stay.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    pub(super) per_second: u32,
    pub(super) seconds: u64,
    pub(super) connections: u32,
    /// Images in the builder's database, where that was named.
    pub(super) records: Option<u64>,
    /// Those that were measured.
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) p50_ms: f64,
    pub(super) p90_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// How late the slowest hundredth was sent: not the server's time, unless all connections
    /// were busy. It is part of the figures above.
    pub(super) sent_late_p99_ms: f64,
}

impl Answers {
    pub(super) fn new(
        found: &OnTime,
        schedule: Schedule,
        connections: u32,
        records: Option<u64>,
    ) -> Self {
        let latency = &found.latency;
        Self {
            per_second: schedule.per_second,
            seconds: schedule.time.as_secs(),
            connections,
            records,
            requests: latency.count(),
            errors: found.errors,
            p50_ms: latency.millis(0.5),
            p90_ms: latency.millis(0.9),
            p99_ms: latency.millis(0.99),
            max_ms: latency.longest_millis(),
            sent_late_p99_ms: found.lateness.millis(0.99),
        }
    }

    pub(super) fn text(&self) -> String {
        let records = match self.records {
            Some(records) => format!(", {records} records"),
            None => String::new(),
        };
        format!(
            "{} requests at {}/s on {} connections{records}, {} errors\n\
             p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms; sent late, p99 {:.2} ms",
            self.requests,
            self.per_second,
            self.connections,
            self.errors,
            self.p50_ms,
            self.p90_ms,
            self.p99_ms,
            self.max_ms,
            self.sent_late_p99_ms
        )
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}
