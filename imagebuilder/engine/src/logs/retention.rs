//! Deletes the logs and events of builds that ended long ago. The record of a build stays.

use jiff::Timestamp;

use crate::failure::Failure;
use crate::journal::stamp;
use crate::workshop::Workshop;

/// Looks once; answers with the builds whose logs it deleted from this host.
pub(crate) async fn forget_old(shop: &Workshop) -> Result<Vec<String>, Failure> {
    let keep = shop.config.logs;
    let oldest = stamp(Timestamp::now() - keep.age);
    let before = match shop.journal.end_of(keep.builds).await? {
        Some(end) => oldest.max(end),
        None => oldest,
    };
    shop.journal.forget_events(&before).await?;
    let mut forgotten = Vec::new();
    // What is on this host decides: another host may have worked on the build.
    for entry in std::fs::read_dir(shop.config.builds())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ended = match shop.journal.build(&name).await? {
            Some(row) => row.ended_at.is_some_and(|ended| ended <= before),
            // Of no build that is known; an unfinished one is.
            None => true,
        };
        if ended {
            std::fs::remove_dir_all(entry.path()).map_err(|error| {
                Failure::host(&format!("delete {}", entry.path().display()), &error)
            })?;
            forgotten.push(name);
        }
    }
    Ok(forgotten)
}
