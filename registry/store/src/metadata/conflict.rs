//! What to do when transactions collide: PostgreSQL ends one of them, and it runs again.

use std::time::Duration;

use crate::error::{Result, StoreError};

/// Collisions are rare, as rows are locked in one order; more in a row mean overload.
const ATTEMPTS: u32 = 5;
/// The first pause; it grows with each attempt.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a whole transaction, and again when another one collided with it.
pub(crate) async fn retry<T, F: Future<Output = Result<T>>>(
    mut transaction: impl FnMut() -> F,
) -> Result<T> {
    for attempt in 1..ATTEMPTS {
        match transaction().await {
            Err(StoreError::Collision { .. }) => tokio::time::sleep(PAUSE * attempt).await,
            other => return other,
        }
    }
    transaction().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collision() -> StoreError {
        StoreError::Collision {
            source: "deadlock".into(),
        }
    }

    #[tokio::test]
    async fn a_collision_is_tried_again_and_anything_else_is_not() {
        let mut left = vec![Ok(7), Err(collision()), Err(collision())];
        let done = retry(|| std::future::ready(left.pop().expect("no more attempts"))).await;
        assert_eq!(done.expect("done"), 7);
        let mut calls = 0;
        let done: Result<()> = retry(|| {
            calls += 1;
            std::future::ready(Err(StoreError::Overloaded))
        })
        .await;
        assert!(matches!(done, Err(StoreError::Overloaded)));
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn attempts_are_bounded() {
        let mut calls = 0;
        let done: Result<()> = retry(|| {
            calls += 1;
            std::future::ready(Err(collision()))
        })
        .await;
        assert!(matches!(done, Err(StoreError::Collision { .. })));
        assert_eq!(calls, ATTEMPTS);
    }
}
