//! The span that whatever runs now belongs to: it goes along with a future, not with a thread.

use std::future::Future;

use crate::context::TraceContext;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Runs a future below a span. What it spawns is not below it.
pub async fn within<F: Future>(context: Option<TraceContext>, future: F) -> F::Output {
    match context {
        Some(context) => CURRENT.scope(context, future).await,
        None => future.await,
    }
}

/// The span that this runs below.
#[must_use]
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|context| *context).ok()
}

/// The value of `traceparent` for a request that is made now.
#[must_use]
pub fn header() -> Option<String> {
    current().map(|context| context.to_string())
}
