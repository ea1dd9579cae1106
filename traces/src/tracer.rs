//! Makes spans, decides which traces are kept, and puts spans into the queue.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use prometheus::IntCounterVec;
use tokio::sync::mpsc;

use crate::context::{SpanId, TraceContext, TraceId};
use crate::current::current;
use crate::span::{Span, SpanData, SpanKind};

/// Makes spans. Cloning is cheap; the default makes none.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

pub(crate) struct Inner {
    /// The part of traces that is kept, of those that begin here.
    pub(crate) ratio: f64,
    pub(crate) queue: mpsc::Sender<SpanData>,
    pub(crate) counts: IntCounterVec,
}

impl Tracer {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Some(Arc::new(inner)))
    }

    /// Whether anything is traced.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A span that continues what `from` names, or begins a trace. Whether a trace is kept is
    /// decided where it begins.
    pub fn enter(&self, name: &'static str, kind: SpanKind, from: Option<TraceContext>) -> Span {
        let Some(inner) = &self.0 else {
            return Span::default();
        };
        let span = SpanId::random();
        if let Some(from) = from {
            return self.exactly(TraceContext { span, ..from }, from.span, name, kind);
        }
        let trace = TraceId::random();
        let at = TraceContext {
            trace,
            span,
            sampled: trace.chance() < inner.ratio,
        };
        self.exactly(at, None, name, kind)
    }

    /// A span below the current one; no span where there is none.
    pub fn child(&self, name: &'static str, kind: SpanKind) -> Span {
        match current() {
            Some(from) => self.enter(name, kind, Some(from)),
            None => Span::default(),
        }
    }

    /// A span at a place that is known, such as one that other processes name too.
    pub fn exactly(
        &self,
        at: TraceContext,
        parent: impl Into<Option<SpanId>>,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
    ) -> Span {
        if !self.is_on() {
            return Span::default();
        }
        if !at.sampled {
            return Span::unkept(at);
        }
        let now = SystemTime::now();
        let data = SpanData {
            at,
            parent: parent.into(),
            name: name.into(),
            kind,
            from: now,
            to: now,
            attributes: Vec::new(),
            failed: None,
        };
        Span::kept(at, data, self.clone())
    }

    /// Puts a span that ended into the queue, or counts that it did not fit.
    pub(crate) fn record(&self, data: SpanData) {
        let Some(inner) = &self.0 else { return };
        if inner.queue.try_send(data).is_err() {
            inner.counts.with_label_values(&["dropped"]).inc();
        }
    }

    /// Adds what is counted here to what the server shows.
    ///
    /// # Errors
    /// Where it was added before.
    pub fn register(&self, registry: &prometheus::Registry) -> Result<(), prometheus::Error> {
        match &self.0 {
            Some(inner) => registry.register(Box::new(inner.counts.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() {
            "Tracer(on)"
        } else {
            "Tracer(off)"
        })
    }
}
