//! The spans of a build, and where they stand in its trace, whichever worker makes them.
//!
//! The trace is that of the request which queued the build; the journal keeps it. The places
//! of the build and of each try of a step follow from the journal too, so a worker that takes
//! a build over puts its spans into the same tree, and ends what a dead one left open. What
//! is recorded is masked here.

mod provider;
mod registry;
mod tasks;

use imagebuilder_api::StepName;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use traces::{Span, SpanId, SpanKind, TraceContext, Tracer};

use crate::failure::{Failure, Remedy};
use crate::halt::HaltReason;
use crate::journal::{BuildRow, StepRow};
use crate::resolve::Masker;
use crate::steps::{Outcome, Part};
use crate::workshop::Workshop;

pub(crate) use provider::TracedProvider;
pub(crate) use registry::TracedRegistry;
pub(crate) use tasks::TaskSpans;

/// Where the spans of a build stand; nowhere if nothing was traced when it was queued.
#[derive(Debug, Clone)]
pub(crate) struct BuildTrace {
    tracer: Tracer,
    build: String,
    /// The span that asked for the build.
    asked: Option<TraceContext>,
}

impl BuildTrace {
    pub(crate) fn of(tracer: &Tracer, row: &BuildRow) -> Self {
        Self {
            tracer: tracer.clone(),
            build: row.id.clone(),
            asked: asked(row),
        }
    }

    /// The trace's id, for logs and people.
    pub(crate) fn id(&self) -> Option<String> {
        self.asked.and_then(kept)
    }

    /// A try of a step begins.
    pub(crate) fn attempt(&self, step: StepName, part: &Part, number: i64) -> Span {
        let mut span = self.step(step.as_str(), &part.key, number);
        if let Some(name) = part.name() {
            span.set("packyard.stage", name.to_owned());
        }
        span
    }

    /// A worker died during this try: it ends now, for nobody else will say so.
    pub(crate) fn left_open(&self, row: &StepRow) {
        let mut span = self.step(&row.step, &row.part, row.attempts);
        if let Ok(began) = row.started_at.parse::<Timestamp>() {
            span = span.began(began.into());
        }
        span.set("packyard.outcome", "lost");
        span.fail("the worker died");
        span.end();
    }

    /// The build ended: the span that all others are below.
    fn ended(&self, row: &BuildRow) {
        let Some(asked) = self.asked else { return };
        let (state, reason) = (&row.state, row.reason.as_deref());
        let mut span =
            self.tracer
                .exactly(self.root(asked), asked.span, "build", SpanKind::Consumer);
        if let Ok(began) = row.created_at.parse::<Timestamp>() {
            span = span.began(began.into());
        }
        span.set("packyard.build", row.id.clone());
        span.set("packyard.signature", row.signature.clone());
        span.set("packyard.profile", row.profile.clone());
        span.set("packyard.attempt", row.attempt);
        span.set("packyard.outcome", state.clone());
        if let Some(reason) = reason {
            span.set("packyard.reason", reason.to_owned());
        }
        if state == "failed" {
            span.fail(reason.unwrap_or(state).to_owned());
        }
        span.end();
    }

    fn root(&self, asked: TraceContext) -> TraceContext {
        let span = place(&[&self.build]);
        TraceContext { span, ..asked }
    }

    fn step(&self, step: &str, part: &str, number: i64) -> Span {
        let Some(asked) = self.asked else {
            return Span::default();
        };
        let root = self.root(asked);
        let span = place(&[&self.build, step, part, &number.to_string()]);
        let at = TraceContext { span, ..asked };
        let name = step.to_owned();
        let mut span = self.tracer.exactly(at, root.span, name, SpanKind::Internal);
        span.set("packyard.build", self.build.clone());
        span.set("packyard.attempt", number);
        span
    }
}

/// How a try ended.
pub(crate) fn end_attempt(mut span: Span, result: &Result<Outcome, Failure>, masker: &Masker) {
    match result {
        Err(failure) if failure.remedy == Remedy::Stop => return span.discard(),
        Ok(outcome) => {
            let word = if outcome.skipped { "skipped" } else { "done" };
            span.set("packyard.outcome", word);
            span.set("packyard.cached", outcome.cached);
        }
        Err(failure) => {
            span.set("packyard.outcome", "failed");
            span.set("packyard.reason", failure.reason.clone());
            span.set("packyard.cure", failure.remedy.as_str());
            span.fail(masker.mask(&failure.message));
        }
    }
    span.end();
}

/// A try was ended from outside. Of one whose build went to another worker, that worker tells.
pub(crate) fn end_halted(mut span: Span, reason: HaltReason) {
    if reason == HaltReason::LeaseLost {
        return span.discard();
    }
    span.set("packyard.outcome", "interrupted");
    span.set("packyard.reason", format!("{reason:?}"));
    span.end();
}

/// A build ended, whoever ended it.
pub(crate) async fn build_ended(shop: &Workshop, build: &str) {
    let tracer = &shop.config.tracer;
    if !tracer.is_on() {
        return;
    }
    match shop.journal.build(build).await {
        Ok(Some(row)) => BuildTrace::of(tracer, &row).ended(&row),
        Ok(None) => {}
        Err(error) => tracing::warn!(build.id = build, "cannot trace the build's end: {error}"),
    }
}

/// The id of a build's trace, where it is kept.
pub(crate) fn trace_id(row: &BuildRow) -> Option<String> {
    asked(row).and_then(kept)
}

fn kept(asked: TraceContext) -> Option<String> {
    asked.sampled.then(|| asked.trace.to_string())
}

fn asked(row: &BuildRow) -> Option<TraceContext> {
    TraceContext::parse(row.trace.as_deref()?)
}

/// The id of a span that several processes must agree on.
fn place(parts: &[&str]) -> SpanId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut id = [0; 8];
    id.copy_from_slice(&hash.finalize()[..8]);
    SpanId::from_bytes(id)
}
