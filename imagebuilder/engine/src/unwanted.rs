//! Builds that wait and that nobody wants any more: cancelled, or past their deadline. They
//! end without a worker, and whoever is to be told of ends is told of theirs.

use crate::deliveries;
use crate::failure::Failure;
use crate::spans;
use crate::views;
use crate::workshop::Workshop;

/// Ends them.
pub(crate) async fn end(shop: &Workshop) -> Result<(), Failure> {
    for build in shop.journal.drop_unwanted().await? {
        let Some(view) = views::build(shop, &build).await? else {
            continue;
        };
        let state = view.state.as_str();
        shop.metrics.build_ended(state);
        spans::build_ended(shop, &build).await;
        let message = view.message.clone().unwrap_or_default();
        let reason = view.reason.as_deref();
        deliveries::build_ended(shop, &view, state, reason, &message).await?;
    }
    Ok(())
}
