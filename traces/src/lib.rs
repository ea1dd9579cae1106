//! Traces: what a span is, which span is the current one, and how spans leave the process,
//! as OTLP over HTTP.
//!
//! It knows no HTTP server, no pack and no build. Nothing that is recorded is waited for:
//! spans go into a queue with a bound, and what does not fit is counted and gone.
//!
//! Where to read on: [`Tracer`] makes spans, [`within`] makes one the current one,
//! [`start`] sends them, as `otlp.rs` writes them.

#![deny(missing_docs)]

mod context;
mod current;
mod export;
mod otlp;
mod span;
mod tracer;

pub use context::{SpanId, TraceContext, TraceId};
pub use current::{current, header, within};
pub use export::{Exporting, Target, TraceError, start};
pub use span::{Span, SpanKind, Value};
pub use tracer::Tracer;
