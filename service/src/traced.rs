//! Traces requests: method, route, status. It continues the caller's trace, and names its
//! own place in the answer.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::HeaderName;
use traces::{SpanKind, TraceContext, Tracer};

/// Which span the request comes from.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Which span answered it, as in W3C's draft of Trace Context, level 2.
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// How requests are traced.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Makes the spans.
    pub tracer: Tracer,
    /// Names the route of a path that one handler of many takes.
    pub route: fn(&str) -> Option<&'static str>,
}

/// Traces a request. Health checks and metrics are not worth it: they come all the time.
pub async fn trace(State(traced): State<Traced>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/v2") && !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let headers = request.headers();
    let from = headers
        .get(TRACEPARENT)
        .and_then(|value| TraceContext::parse(value.to_str().ok()?));
    let mut span = traced.tracer.enter("HTTP", SpanKind::Server, from);
    if span.is_kept() {
        let matched = request.extensions().get::<MatchedPath>();
        let route = (traced.route)(path).map_or_else(
            || matched.map_or("unknown", MatchedPath::as_str).to_owned(),
            str::to_owned,
        );
        let method = request.method().as_str().to_owned();
        span.rename(format!("{method} {route}"));
        span.set("http.request.method", method);
        span.set("http.route", route);
        span.set("url.path", path.to_owned());
    }
    let mut response = traces::within(span.context(), next.run(request)).await;
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    let context = span.context();
    span.end();
    let place = context.map(|context| context.to_string());
    if let Some(place) = place.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(TRACERESPONSE, place);
    }
    response
}
