//! Counters in Prometheus' text form: requests by method and status, time, memory.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// The counters of this process. Cloning is cheap and shares them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    resident_bytes: IntGauge,
}

impl Metrics {
    /// A registry with the counters that every server has.
    ///
    /// # Errors
    /// Never in practice: the names are constants and differ.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("packyard_http_requests_total", "Requests answered"),
            &["method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "packyard_http_request_seconds",
                "Time from the request's header to the answer's header",
            ),
            &["method"],
        )?;
        let resident_bytes = IntGauge::new("process_resident_memory_bytes", "Resident memory")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(resident_bytes.clone()))?;
        Ok(Self {
            registry,
            requests,
            seconds,
            resident_bytes,
        })
    }

    /// Where other parts of the server add counters of their own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Everything, as Prometheus reads it.
    ///
    /// # Errors
    /// When a collector gives something that cannot be written as text.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        if let Some(bytes) = resident_bytes() {
            self.resident_bytes.set(bytes);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Counts a request. Paths are no label: anybody could invent new ones.
pub async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let started = Instant::now();
    let response = next.run(request).await;
    metrics
        .seconds
        .with_label_values(&[&method])
        .observe(started.elapsed().as_secs_f64());
    metrics
        .requests
        .with_label_values(&[method.as_str(), response.status().as_str()])
        .inc();
    response
}

/// The second field of `/proc/self/statm`, in pages of 4 KiB on every machine we run on.
fn resident_bytes() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
