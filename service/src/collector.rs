//! Where traces go: reads what the configuration and OpenTelemetry's own variables say.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use proxies::{Proxies, ProxyError};
use serde::{Deserialize, Serialize, Serializer};
use traces::{Exporting, Target, TraceError, Tracer};

use crate::config::TracesConfig;

/// OpenTelemetry's own name for the collector's base address.
const STANDARD_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// And for the headers.
const STANDARD_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Headers for the collector. Shown, they are hidden.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceHeaders(HashMap<String, String>);

impl TryFrom<String> for TraceHeaders {
    type Error = &'static str;

    /// What is wrong with the text is not shown: it may be a credential anywhere.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            let name = http::HeaderName::try_from(name.trim()).ok()?;
            let value = value.trim();
            http::HeaderValue::try_from(value).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
        let read: Option<HashMap<_, _>> = pairs.map(pair).collect();
        read.map(Self)
            .ok_or("is not a list of headers; write name=value,name=value")
    }
}

impl fmt::Debug for TraceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHeaders({})", self.0.len())
    }
}

impl Serialize for TraceHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("hidden")
    }
}

/// Why traces cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The file with headers cannot be read. Remedy: another file, or its rights.
    #[error("cannot read {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// The headers are not headers.
    #[error("{place} {why}")]
    Headers {
        /// Where they are written.
        place: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The ratio is not one.
    #[error("traces.ratio is {0}; it is a number from 0 to 1")]
    Ratio(f64),
    /// The environment names a proxy that cannot be used.
    #[error("cannot use the proxy of the environment")]
    Proxy(#[from] ProxyError),
    /// The collector's address is of no use.
    #[error(transparent)]
    Traces(#[from] TraceError),
}

/// What traces need while the server runs.
#[derive(Debug, Default)]
pub struct Collector {
    /// Makes spans, or none.
    pub tracer: Tracer,
    /// Values that no log may show.
    pub hidden: Vec<String>,
    exporting: Option<Exporting>,
}

impl Collector {
    /// Begins to send traces, if the configuration says where to; `read` reads a variable of
    /// the environment.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn start(
        config: &TracesConfig,
        read: impl Fn(&str) -> Option<String>,
        version: &'static str,
    ) -> Result<Self, CollectorError> {
        let endpoint = config.endpoint.clone().or_else(|| read(STANDARD_ENDPOINT));
        let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_empty()) else {
            return Ok(Self::default());
        };
        if !(0.0..=1.0).contains(&config.ratio) {
            return Err(CollectorError::Ratio(config.ratio));
        }
        let headers = headers(config, read(STANDARD_HEADERS))?.0;
        let hidden = headers.values().cloned().collect();
        let (tracer, exporting) = traces::start(&Target {
            endpoint,
            headers,
            ratio: config.ratio,
            proxies: Proxies::from_environment(&read)?,
            version,
        })?;
        Ok(Self {
            tracer,
            hidden,
            exporting: Some(exporting),
        })
    }

    /// Sends what is left.
    pub async fn finish(self) {
        if let Some(exporting) = self.exporting {
            exporting.finish().await;
        }
    }
}

fn headers(
    config: &TracesConfig,
    standard: Option<String>,
) -> Result<TraceHeaders, CollectorError> {
    let parse = |place: String, text: String| {
        TraceHeaders::try_from(text).map_err(|why| CollectorError::Headers { place, why })
    };
    match (&config.headers, &config.headers_file, standard) {
        (Some(headers), _, _) => Ok(headers.clone()),
        (None, Some(file), _) => {
            let text = std::fs::read_to_string(file).map_err(|source| CollectorError::File {
                file: file.clone(),
                source,
            })?;
            parse(file.display().to_string(), text.trim().to_owned())
        }
        (None, None, Some(text)) => parse(STANDARD_HEADERS.to_owned(), text),
        (None, None, None) => Ok(TraceHeaders::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TraceHeaders, &'static str> {
        TraceHeaders::try_from(text.to_owned())
    }

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = read("Authorization=Bearer s3cr3t=, x-team = a").unwrap();
        assert_eq!(headers.0["authorization"], "Bearer s3cr3t=");
        assert_eq!(headers.0["x-team"], "a");
        let config = TracesConfig {
            headers: Some(headers),
            ..TracesConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        for wrong in ["s3cr3t", "bad name=s3cr3t", "a=s3cr3t\u{7f}"] {
            let why = read(wrong).unwrap_err();
            assert!(!why.contains("s3cr3t"), "{why}");
        }
    }

    #[tokio::test]
    async fn nothing_is_traced_until_somebody_says_where_to() {
        let config = TracesConfig::default();
        let off = Collector::start(&config, |_| None, "1").unwrap();
        assert!(!off.tracer.is_on());
        let standard =
            |name: &str| (name == STANDARD_ENDPOINT).then(|| "http://127.0.0.1:9".to_owned());
        let on = Collector::start(&config, standard, "1").unwrap();
        assert!(on.tracer.is_on());
        on.finish().await;
    }

    #[test]
    fn what_is_of_no_use_is_refused() {
        let refused = |endpoint: &str, ratio: f64| {
            let config = TracesConfig {
                endpoint: Some(endpoint.to_owned()),
                ratio,
                ..TracesConfig::default()
            };
            Collector::start(&config, |_| None, "1")
                .unwrap_err()
                .to_string()
        };
        assert!(refused("http://127.0.0.1:9", 1.5).contains("traces.ratio is 1.5"));
        assert!(refused("ftp://127.0.0.1", 1.0).contains("http://HOST:PORT"));
        let said = refused("http://me:s3cr3t@127.0.0.1", 1.0);
        assert!(
            said.contains("headers") && !said.contains("s3cr3t"),
            "{said}"
        );
    }
}
