//! Spans in the words of OTLP 1.x, in JSON: field names and numbers are those of
//! `opentelemetry/proto/trace/v1/trace.proto`, ids are hexadecimal, 64-bit numbers are text.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use crate::span::{SpanData, Value};

/// `STATUS_CODE_ERROR`.
const FAILED: u8 = 2;

/// One request's worth.
pub(crate) fn request(version: &str, spans: &[SpanData]) -> Vec<u8> {
    let resource = [
        attribute("service.name", &Value::from("packyard")),
        attribute("service.version", &Value::from(version.to_owned())),
        attribute("process.pid", &Value::from(i64::from(std::process::id()))),
    ];
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": "packyard", "version": version}, "spans": spans}],
    }]})
    .to_string()
    .into_bytes()
}

fn span(data: &SpanData) -> Json {
    let attributes = data.attributes.iter();
    let attributes: Vec<Json> = attributes
        .map(|(key, value)| attribute(key, value))
        .collect();
    let mut span = json!({
        "traceId": data.at.trace.to_string(),
        "spanId": data.at.span.to_string(),
        "flags": 1,
        "name": data.name,
        "kind": data.kind as u8,
        "startTimeUnixNano": nanos(data.from),
        "endTimeUnixNano": nanos(data.to),
        "attributes": attributes,
    });
    if let Some(parent) = data.parent {
        span["parentSpanId"] = json!(parent.to_string());
    }
    if let Some(why) = &data.failed {
        span["status"] = json!({"code": FAILED, "message": why});
    }
    span
}

fn attribute(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Flag(flag) => json!({"boolValue": flag}),
    };
    json!({"key": key, "value": value})
}

fn nanos(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}
