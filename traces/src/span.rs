//! One span: what was done, from when to when, and how it ended.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::context::{SpanId, TraceContext};
use crate::tracer::Tracer;

/// Which side of what a span is, in the numbers of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Work of this process.
    Internal = 1,
    /// It answers a request.
    Server = 2,
    /// It makes one.
    Client = 3,
    /// It queues work.
    Producer = 4,
    /// It does work that was queued.
    Consumer = 5,
}

/// What is said about a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text without secrets.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A span as it is sent.
#[derive(Debug)]
pub(crate) struct SpanData {
    pub(crate) at: TraceContext,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) from: SystemTime,
    pub(crate) to: SystemTime,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) failed: Option<Cow<'static, str>>,
}

/// A span that has begun. One that is dropped before its end was cut off, and says so. The
/// default is none.
#[derive(Debug, Default)]
#[must_use = "a span that is dropped was cut off"]
pub struct Span {
    context: Option<TraceContext>,
    /// Nothing where the trace is not kept.
    open: Option<Box<Open>>,
}

#[derive(Debug)]
struct Open {
    data: SpanData,
    tracer: Tracer,
}

impl Span {
    /// A span whose trace is not kept; what is below it must know that.
    pub(crate) fn unkept(context: TraceContext) -> Self {
        Self {
            context: Some(context),
            open: None,
        }
    }

    pub(crate) fn kept(context: TraceContext, data: SpanData, tracer: Tracer) -> Self {
        let open = Some(Box::new(Open { data, tracer }));
        Self {
            context: Some(context),
            open,
        }
    }

    /// Its place; `None` where nothing is traced.
    #[must_use]
    pub fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// Whether what is said of it goes anywhere.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.open.is_some()
    }

    /// Another name, for which more had to be known.
    pub fn rename(&mut self, name: String) {
        if let Some(open) = &mut self.open {
            open.data.name = name.into();
        }
    }

    /// Says something about it. The caller has masked secrets.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.open {
            open.data.attributes.push((key, value.into()));
        }
    }

    /// It failed. The caller has masked secrets.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.open {
            open.data.failed = Some(why.into());
        }
    }

    /// It began at another time than now.
    pub fn began(mut self, at: SystemTime) -> Self {
        if let Some(open) = &mut self.open {
            open.data.from = at;
        }
        self
    }

    /// It ends now.
    pub fn end(mut self) {
        self.finish();
    }

    /// It is somebody else's to tell.
    pub fn discard(mut self) {
        self.open = None;
    }

    fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            let Open { mut data, tracer } = *open;
            data.to = SystemTime::now();
            tracer.record(data);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.fail("cut off");
        self.finish();
    }
}
