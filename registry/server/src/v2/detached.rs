//! Work that goes on to its end when the client hangs up.
//!
//! What writes is not to be left half done. Nor may the store's caches hear that a write has ended
//! while the database still does it.

use tracing::Instrument as _;

use super::OciError;

pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, OciError>> + Send + 'static,
) -> Result<T, OciError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => Err(OciError::internal(&error)),
    }
}
