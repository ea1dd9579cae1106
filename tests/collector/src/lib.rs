//! An OpenTelemetry collector for tests: receives spans as OTLP in JSON over HTTP, checks their
//! form, and keeps them. It knows nothing of what they are about.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

/// A running collector; it ends with the runtime that it was started on.
#[derive(Debug)]
pub struct Collector {
    url: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Seen>,
    headers: Vec<HeaderMap>,
    bytes: Vec<u8>,
    refuses: bool,
}

/// A span as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The trace, in hexadecimal.
    pub trace: String,
    /// The span.
    pub id: String,
    /// The span above it; empty where there is none.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
    /// Nanoseconds since 1970.
    pub from: u64,
    /// The same.
    pub to: u64,
}

impl Seen {
    /// An attribute; empty where there is none.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

impl Collector {
    /// Listens on a port of loopback.
    ///
    /// # Panics
    /// Where there is no port.
    pub async fn start() -> Self {
        let kept = Arc::<Mutex<Kept>>::default();
        let routes = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&kept));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, kept }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to configure as the endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it answers 503, or takes spans again.
    pub fn refuse(&self, refuses: bool) {
        self.kept().refuses = refuses;
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Seen> {
        self.kept().spans.clone()
    }

    /// The headers of all requests so far.
    #[must_use]
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.kept().headers.clone()
    }

    /// All bytes that came, to look for what must not be among them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.kept().bytes.clone()
    }

    /// Waits until the spans are as wanted.
    ///
    /// # Panics
    /// After a minute.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        for _ in 0..1200 {
            let spans = self.spans();
            if wanted(&spans) {
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited in vain for {what}: {:#?}", self.spans());
    }
}

async fn receive(
    State(kept): State<Arc<Mutex<Kept>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let json = is_json(&headers);
    kept.headers.push(headers);
    if kept.refuses {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    kept.bytes.extend_from_slice(&body);
    let spans = serde_json::from_slice::<Value>(&body).ok().filter(|_| json);
    let Some(spans) = spans.as_ref().and_then(spans_of) else {
        return StatusCode::BAD_REQUEST;
    };
    kept.spans.extend(spans);
    StatusCode::OK
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type");
    kind.is_some_and(|kind| kind == "application/json")
}

/// The spans of a request; nothing where a field is not as OTLP has it.
fn spans_of(request: &Value) -> Option<Vec<Seen>> {
    let mut spans = Vec::new();
    for resource in request["resourceSpans"].as_array()? {
        attributes(&resource["resource"]["attributes"])?.get("service.name")?;
        for scope in resource["scopeSpans"].as_array()? {
            for span in scope["spans"].as_array()? {
                spans.push(seen(span)?);
            }
        }
    }
    Some(spans)
}

fn seen(span: &Value) -> Option<Seen> {
    let kind = span["kind"].as_u64()?;
    let status = &span["status"];
    let parent = match &span["parentSpanId"] {
        Value::Null => String::new(),
        parent => id(parent, 16)?,
    };
    (1..=5).contains(&kind).then_some(Seen {
        trace: id(&span["traceId"], 32)?,
        id: id(&span["spanId"], 16)?,
        parent,
        name: span["name"].as_str()?.to_owned(),
        attributes: attributes(&span["attributes"])?,
        failed: match status["code"].as_u64() {
            Some(2) => Some(status["message"].as_str()?.to_owned()),
            _ => None,
        },
        from: span["startTimeUnixNano"].as_str()?.parse().ok()?,
        to: span["endTimeUnixNano"].as_str()?.parse().ok()?,
    })
}

fn attributes(list: &Value) -> Option<BTreeMap<String, String>> {
    let pair = |pair: &Value| {
        let value = &pair["value"];
        let text = match (
            &value["stringValue"],
            &value["intValue"],
            &value["boolValue"],
        ) {
            (Value::String(text), Value::Null, Value::Null) => text.clone(),
            (Value::Null, Value::String(number), Value::Null) => {
                number.parse::<i64>().ok()?.to_string()
            }
            (Value::Null, Value::Null, Value::Bool(flag)) => flag.to_string(),
            _ => return None,
        };
        Some((pair["key"].as_str()?.to_owned(), text))
    };
    list.as_array()?.iter().map(pair).collect()
}

/// An id: so many digits, not all of them zero.
fn id(value: &Value, digits: usize) -> Option<String> {
    let text = value.as_str()?;
    let hex = |letter: u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
    let good = text.len() == digits && text.bytes().all(hex) && text.bytes().any(|one| one != b'0');
    good.then(|| text.to_owned())
}
