//! Tells webhooks what the engine has queued: signed, one after the other for each round,
//! with pauses that grow while an address does not answer.
//!
//! The form is that of Standard Webhooks (standardwebhooks.com), for which most languages have
//! a library: `webhook-id`, `webhook-timestamp`, and `webhook-signature`, which is `v1,` and the
//! base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. Only configured addresses are ever asked,
//! and none that one of them leads to.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, header};
use imagebuilder_engine::{Delivery, Engine, EngineError};
use jiff::Timestamp;
use service::outbound::{Outbound, OutboundError, OutboundRules, Proxies};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// An address that takes longer is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// What one round tells; an address that hangs holds the others up for that long at most.
const ROUND: u32 = 16;
/// What was put off comes due without anybody ringing.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const AFTER_TROUBLE: Duration = Duration::from_secs(15);
/// How secrets of Standard Webhooks begin; base64 follows.
const SECRET_PREFIX: &str = "whsec_";

/// Who is told, and with which key it is signed.
#[derive(Clone)]
pub struct Webhooks {
    /// The addresses.
    pub urls: Vec<String>,
    /// The key, as the receiver has it too.
    pub secret: String,
}

impl Webhooks {
    fn key(&self) -> Vec<u8> {
        let encoded = self.secret.strip_prefix(SECRET_PREFIX);
        let decoded = encoded.and_then(|text| BASE64_STANDARD.decode(text).ok());
        decoded.unwrap_or_else(|| self.secret.clone().into_bytes())
    }

    fn rules(&self, proxies: Proxies) -> OutboundRules {
        let parsed = self
            .urls
            .iter()
            .filter_map(|url| url.parse::<http::Uri>().ok());
        let hosts = parsed
            .filter_map(|url| url.host().map(str::to_owned))
            .collect();
        OutboundRules {
            // Whoever configures such an address knows its network.
            plain_http: self.urls.iter().any(|url| url.starts_with("http://")),
            hosts,
            max_bytes: 0,
            stall: ANSWER_WITHIN,
            proxies,
        }
    }
}

/// Why webhooks cannot be told anything.
pub(crate) fn open(webhooks: &Webhooks, proxies: Proxies) -> Result<Outbound, OutboundError> {
    Outbound::new(webhooks.rules(proxies))
}

/// Tells what is due until `stop`.
pub(crate) async fn tell(
    engine: Engine,
    webhooks: Webhooks,
    outbound: Outbound,
    stop: CancellationToken,
) {
    let key = webhooks.key();
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = round(&engine, &outbound, &key) => round,
        };
        let pause = match round {
            Ok(told) if told == ROUND as usize => continue,
            Ok(_) => BETWEEN_LOOKS,
            Err(error) => {
                warn!("cannot read what webhooks are to be told: {error}");
                AFTER_TROUBLE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.until_delivery_is_due(pause) => {}
        }
    }
}

async fn round(engine: &Engine, outbound: &Outbound, key: &[u8]) -> Result<usize, EngineError> {
    let due = engine.take_deliveries(ROUND).await?;
    let each = due.iter().map(|delivery| async move {
        match send(outbound, delivery, key).await {
            Ok(()) => engine.delivered(delivery).await,
            Err(why) => engine.undelivered(delivery, &why).await,
        }
    });
    join_all(each)
        .await
        .into_iter()
        .collect::<Result<(), _>>()?;
    Ok(due.len())
}

async fn send(outbound: &Outbound, delivery: &Delivery, key: &[u8]) -> Result<(), String> {
    let headers = headers(delivery, Timestamp::now(), key).map_err(|error| error.to_string())?;
    let sent = outbound
        .post(&delivery.target, headers, delivery.body.clone().into())
        .await;
    sent.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}

fn headers(
    delivery: &Delivery,
    now: Timestamp,
    key: &[u8],
) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let timestamp = now.as_second().to_string();
    let signature = signature(key, &delivery.id, &timestamp, &delivery.body);
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    for (name, value) in [
        ("webhook-id", delivery.id.clone()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
        ("packyard-event", delivery.kind.clone()),
        ("packyard-attempt", delivery.attempt.to_string()),
    ] {
        headers.insert(name, HeaderValue::try_from(value)?);
    }
    Ok(headers)
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        // The example of the specification.
        let webhooks = Webhooks {
            urls: Vec::new(),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        };
        let signed = signature(
            &webhooks.key(),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
