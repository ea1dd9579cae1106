//! What webhooks are told: queued with the event, told at least once, never to anybody else.
//!
//! Sending is the server's matter: see its `webhooks`. An entry is made before the act that
//! it tells of becomes final, so a crash in between tells it twice rather than never.

use std::time::Duration;

use imagebuilder_api::{BuildView, Revocation};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::backoff::chance;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::failure::Failure;
use crate::journal::{DeliveryRow, stamp};
use crate::workshop::Workshop;

/// More would mean that nobody has listened for long: the oldest go.
pub(crate) const MOST: i64 = 10_000;
/// Between the first two tries; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// With these pauses, a day and a half.
pub(crate) const TRIES: i64 = 40;
/// While one process tells, no other does.
const TAKEN_FOR: Duration = Duration::from_secs(120);

/// Something to be told to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same at each try, so that the receiver can tell repetitions.
    pub id: String,
    /// The address, as it is configured.
    pub target: String,
    /// What happened, such as `build.succeeded`.
    pub kind: String,
    /// The JSON body.
    pub body: String,
    /// Which try this is, from 1.
    pub attempt: u32,
}

/// Says that a build ends.
pub(crate) async fn build_ended(
    shop: &Workshop,
    view: &BuildView,
    state: &str,
    reason: Option<&str>,
    message: &str,
) -> Result<(), Failure> {
    let data = json!({
        "build": view.id, "signature": view.signature, "profile": view.profile, "state": state,
        "reason": reason, "message": message, "attempt": view.attempt,
    });
    let kind = format!("build.{state}");
    put(shop, &kind, &format!("{} {state}", view.id), data).await
}

/// Says that an image was withdrawn.
pub(crate) async fn image_revoked(shop: &Workshop, revocation: &Revocation) -> Result<(), Failure> {
    let key = format!("{} revoked", revocation.signature);
    put(shop, "image.revoked", &key, json!(revocation)).await
}

async fn put(shop: &Workshop, kind: &str, key: &str, data: Value) -> Result<(), Failure> {
    let body = json!({"type": kind, "timestamp": Timestamp::now(), "data": data}).to_string();
    for target in &shop.config.webhooks {
        let id = hex::encode(Sha256::digest(format!("{key}\n{target}")));
        let id = format!("msg_{}", &id[..32]);
        shop.journal.put_delivery(&id, target, kind, &body).await?;
    }
    if !shop.config.webhooks.is_empty() {
        for _ in 0..shop.journal.drop_deliveries(MOST).await? {
            shop.metrics.delivery("dropped");
        }
        shop.delivery_due.notify_one();
    }
    Ok(())
}

impl Engine {
    /// Takes what is due to be told. Whoever takes it says how that went.
    pub async fn take_deliveries(&self, limit: u32) -> Result<Vec<Delivery>, EngineError> {
        let journal = &self.shop.journal;
        let until = stamp(Timestamp::now() + TAKEN_FOR);
        let mut taken = Vec::new();
        for row in journal.due_deliveries(i64::from(limit)).await? {
            // The configuration may have changed since: only what it names now is told anything.
            if !self.shop.config.webhooks.contains(&row.target) {
                journal.end_delivery(&row.id).await?;
            } else if journal.take_delivery(&row, &until).await? {
                taken.push(delivery(row));
            }
        }
        Ok(taken)
    }

    /// It was told.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<(), EngineError> {
        self.shop.metrics.delivery("sent");
        Ok(self.shop.journal.end_delivery(&delivery.id).await?)
    }

    /// It could not be told: it is tried again later, or given up after many tries.
    pub async fn undelivered(&self, delivery: &Delivery, why: &str) -> Result<(), EngineError> {
        let journal = &self.shop.journal;
        if i64::from(delivery.attempt) >= TRIES {
            self.shop.metrics.delivery("given_up");
            tracing::warn!(
                id = delivery.id,
                kind = delivery.kind,
                "a webhook is given up: {why}"
            );
            return Ok(journal.end_delivery(&delivery.id).await?);
        }
        self.shop.metrics.delivery("failed");
        let due = Timestamp::now() + pause(delivery.attempt, chance());
        Ok(journal
            .put_off_delivery(&delivery.id, &stamp(due), why)
            .await?)
    }

    /// Waits until something may be due.
    pub async fn until_delivery_is_due(&self, at_most: Duration) {
        // Which of both it was does not matter.
        drop(tokio::time::timeout(at_most, self.shop.delivery_due.notified()).await);
    }
}

/// The pause after a try that failed. Half of it is up to chance, so that many do not come at once.
fn pause(attempt: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled
        .min(LONGEST_PAUSE)
        .mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

fn delivery(row: DeliveryRow) -> Delivery {
    Delivery {
        id: row.id,
        target: row.target,
        kind: row.r#type,
        body: row.body,
        attempt: u32::try_from(row.attempts + 1).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(pause(1, 1.0), Duration::from_secs(5));
        assert_eq!(pause(1, 0.0), Duration::from_millis(2500));
        assert_eq!(pause(4, 1.0), Duration::from_secs(40));
        assert_eq!(pause(u32::MAX, 1.0), LONGEST_PAUSE);
    }
}
