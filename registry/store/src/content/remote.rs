//! What an object store's refusals mean here.

use std::time::{Duration, Instant};

use object_store::Error;

use crate::error::StoreError;

/// Turns a refusal into an error that says what can be done about it.
pub(crate) fn remote(what: &'static str) -> impl FnOnce(Error) -> StoreError {
    move |source| {
        let source = Box::new(source);
        match *source {
            // Retried as often as it may be: it is down, slow, or out of reach.
            Error::Generic { .. } | Error::JoinError { .. } => {
                StoreError::Unavailable { what, source }
            }
            _ => StoreError::Remote { what, source },
        }
    }
}

/// Tries a call again that broke off quickly. What the library retries by itself took its time.
pub(crate) async fn again<T, F>(
    what: &'static str,
    mut call: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Error>>,
{
    const TRIES: u32 = 4;
    const QUICK: Duration = Duration::from_secs(2);
    let mut tried = 0;
    loop {
        let started = Instant::now();
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => remote(what)(error),
        };
        tried += 1;
        let passes = matches!(error, StoreError::Unavailable { .. });
        if !passes || tried == TRIES || started.elapsed() > QUICK {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(100) * 2_u32.pow(tried)).await;
    }
}

/// Whether an error says that something is not there.
pub(crate) fn is_absent(error: &StoreError) -> bool {
    matches!(error, StoreError::Remote { source, .. } if matches!(**source, Error::NotFound { .. }))
}

/// What is gone already need not be removed.
pub(crate) fn unless_absent(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error) if is_absent(&error) => Ok(()),
        done => done,
    }
}

/// An error and all that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Some libraries repeat the cause inside their own text.
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
