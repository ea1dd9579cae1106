//! How many connections the operating system lets this process have.
//!
//! Most systems start programs with few file descriptors and let them ask for more;
//! a server asks.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors for files, the database and outgoing connections.
const RESERVED: u64 = 1024;

/// Raises the bound on descriptors as far as it goes; how many connections it leaves room for.
pub(crate) fn room_for_connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let wanted = rustix::process::Rlimit {
            current: limit.maximum,
            ..limit
        };
        match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => limit = getrlimit(Resource::Nofile),
            Err(error) => tracing::debug!(%error, "cannot have more file descriptors"),
        }
    }
    let Some(all) = limit.current else {
        return usize::MAX;
    };
    // With hardly any, half is for connections.
    let room = all.saturating_sub(RESERVED).max(all / 2);
    usize::try_from(room).unwrap_or(usize::MAX)
}
