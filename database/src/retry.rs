//! What to do when transactions collide: PostgreSQL ends one of them, and it runs again.

use std::time::Duration;

use crate::error::DatabaseError;

/// An error that may say that transactions collided.
pub trait Collides {
    /// Whether the same transaction may work now.
    fn is_collision(&self) -> bool;
}

impl Collides for DatabaseError {
    fn is_collision(&self) -> bool {
        matches!(self, Self::Collision { .. })
    }
}

/// Collisions are rare, as rows are locked in one order; more in a row mean overload.
const ATTEMPTS: u32 = 5;
/// The first pause; it grows with each attempt.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a whole transaction, and again when another one collided with it.
///
/// # Errors
/// Its own, or the collision after five attempts.
pub async fn retry<T, E: Collides, F: Future<Output = Result<T, E>>>(
    mut transaction: impl FnMut() -> F,
) -> Result<T, E> {
    for attempt in 1..ATTEMPTS {
        match transaction().await {
            Err(error) if error.is_collision() => tokio::time::sleep(PAUSE * attempt).await,
            other => return other,
        }
    }
    transaction().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    fn collision() -> DatabaseError {
        DatabaseError::Collision {
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
            std::future::ready(Err(DatabaseError::Overloaded))
        })
        .await;
        assert!(matches!(done, Err(DatabaseError::Overloaded)));
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
        assert!(matches!(done, Err(DatabaseError::Collision { .. })));
        assert_eq!(calls, ATTEMPTS);
    }
}
