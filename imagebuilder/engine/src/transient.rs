//! What goes from a build's folder when the build ends: keys, volumes, facts, maps, sockets.
//!
//! The worker that ends a build removes them itself. One that was killed, or lost the build to
//! another host, finds them later by [`sweep`]. Logs go by another rule: `logs::forget_old`.

use std::path::Path;

use crate::ansible;
use crate::failure::Failure;
use crate::workshop::Workshop;

/// Files and folders of a build's folder that only a running build needs.
const NAMES: [&str; 5] = ["keys-build", "keys-verify", "media", "facts", "chunks"];
/// What the names of sockets of SSH connections begin with.
const SOCKET: &str = "ssh-";

/// Removes them from the folder of a build that has ended; logs and reports stay.
pub(crate) fn remove(folder: &Path) {
    ansible::clean_up(&folder.join("ansible"));
    for name in NAMES {
        let path = folder.join(name);
        drop(std::fs::remove_dir_all(&path));
        drop(std::fs::remove_file(&path));
    }
    for socket in sockets(folder) {
        drop(std::fs::remove_file(socket));
    }
}

/// Looks through this host's folders for builds that ended elsewhere; answers with those
/// that had something left.
pub(crate) async fn sweep(shop: &Workshop) -> Result<Vec<String>, Failure> {
    let mut swept = Vec::new();
    for entry in std::fs::read_dir(shop.config.builds())
        .into_iter()
        .flatten()
        .flatten()
    {
        let folder = entry.path();
        if !holds_any(&folder) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let row = shop.journal.build(&name).await?;
        if row.is_some_and(|row| row.ended_at.is_some()) {
            remove(&folder);
            swept.push(name);
        }
    }
    Ok(swept)
}

fn holds_any(folder: &Path) -> bool {
    NAMES.iter().any(|name| folder.join(name).exists()) || sockets(folder).next().is_some()
}

fn sockets(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(SOCKET))
        .map(|entry| entry.path())
}
