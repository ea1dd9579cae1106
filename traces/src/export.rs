//! Sends spans in batches over HTTP, beside everything else.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts};
use proxies::Proxies;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::otlp;
use crate::span::SpanData;
use crate::tracer::{Inner, Tracer};

/// How many spans wait at most; a few MiB.
const QUEUE: usize = 8192;
/// How many go into one request; what OpenTelemetry's own exporters take.
const BATCH: usize = 512;
/// How long a span waits for others.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last spans may take when the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// Where spans go, and how many.
#[derive(Clone)]
pub struct Target {
    /// The collector's base address; `/v1/traces` is added.
    pub endpoint: String,
    /// Sent with each request; they may hold a credential.
    pub headers: HashMap<String, String>,
    /// The part of traces that is kept, from 0 to 1, of those that begin here.
    pub ratio: f64,
    /// The proxies on the way there.
    pub proxies: Proxies,
    /// The version of this program.
    pub version: &'static str,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint, ratio, ..
        } = self;
        write!(f, "Target({endpoint}, {ratio})")
    }
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The endpoint is not an address that can be used.
    #[error("cannot send traces to {endpoint}: {why}")]
    Endpoint {
        /// What was configured.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be set up on this machine.
    #[error("cannot set up the HTTP client for traces")]
    Client(#[source] reqwest::Error),
    /// A header is not one. Its value is not shown.
    #[error("the header {0:?} for traces cannot be sent: its name or its value is none")]
    Header(String),
    /// A counter's name is taken; never in practice.
    #[error("cannot count spans")]
    Count(#[from] prometheus::Error),
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Exporting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Sends what is left, for some seconds at most.
    pub async fn finish(self) {
        self.stop.cancel();
        if tokio::time::timeout(FINISH_WITHIN, self.task)
            .await
            .is_err()
        {
            tracing::warn!("the last spans could not be sent in time");
        }
    }
}

/// Begins to send spans.
///
/// # Errors
/// When the endpoint cannot be used.
pub fn start(target: &Target) -> Result<(Tracer, Exporting), TraceError> {
    let counts = Opts::new(
        "packyard_trace_spans_total",
        "Spans by what became of them: sent, failed, or dropped because the queue was full",
    );
    let counts = IntCounterVec::new(counts, &["end"])?;
    for end in ["sent", "failed", "dropped"] {
        counts.with_label_values(&[end]);
    }
    let url = url(&target.endpoint)?;
    let client = client(target)?;
    let (queue, waiting) = mpsc::channel(QUEUE);
    let stop = CancellationToken::new();
    let sending = Sending {
        waiting,
        client,
        url,
        version: target.version,
        counts: counts.clone(),
        stop: stop.clone(),
        failing: false,
    };
    let task = tokio::spawn(sending.run());
    let tracer = Tracer::new(Inner {
        ratio: target.ratio,
        queue,
        counts,
    });
    Ok((tracer, Exporting { stop, task }))
}

fn url(endpoint: &str) -> Result<Url, TraceError> {
    let refuse = |shown: &str, why: &str| TraceError::Endpoint {
        endpoint: shown.to_owned(),
        why: why.to_owned(),
    };
    let form = "write it as http://HOST:PORT or https://HOST";
    let text = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let url = Url::parse(&text).map_err(|_| refuse("what is configured", form))?;
    if !url.username().is_empty() || url.password().is_some() {
        let host = url.host_str().unwrap_or("it");
        let why = "the address holds a user or a password; credentials belong into the headers";
        return Err(refuse(host, why));
    }
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(refuse(endpoint, form)),
    }
}

fn client(target: &Target) -> Result<Client, TraceError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &target.headers {
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
        else {
            return Err(TraceError::Header(name.clone()));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    // A redirect would carry the headers to somebody else.
    target
        .proxies
        .apply(Client::builder())
        .redirect(Policy::none())
        .timeout(TIMEOUT)
        .default_headers(headers)
        .build()
        .map_err(TraceError::Client)
}

struct Sending {
    waiting: mpsc::Receiver<SpanData>,
    client: Client,
    url: Url,
    version: &'static str,
    counts: IntCounterVec,
    stop: CancellationToken,
    failing: bool,
}

impl Sending {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = self.waiting.recv_many(&mut batch, BATCH) => {}
            }
            if batch.len() < BATCH {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            self.send(&mut batch).await;
        }
        self.waiting.close();
        while !self.waiting.is_empty() {
            self.send(&mut batch).await;
        }
    }

    /// Sends the batch, with what came meanwhile.
    async fn send(&mut self, batch: &mut Vec<SpanData>) {
        while batch.len() < BATCH
            && let Ok(span) = self.waiting.try_recv()
        {
            batch.push(span);
        }
        let batch = std::mem::take(batch);
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let sent = self.post(otlp::request(self.version, &batch)).await;
        let end = if sent.is_ok() { "sent" } else { "failed" };
        self.counts.with_label_values(&[end]).inc_by(count);
        match sent {
            Err(error) if !self.failing => {
                tracing::warn!("spans cannot be sent and are lost: {error}");
            }
            Ok(()) if self.failing => tracing::info!("spans can be sent again"),
            _ => {}
        }
        self.failing = end == "failed";
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), reqwest::Error> {
        let request = self.client.post(self.url.clone()).body(body);
        request.send().await?.error_for_status().map(drop)
    }
}
