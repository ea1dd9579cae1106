//! Points at which a test ends the process: after each step that makes a push durable, and after
//! each statement of a transaction.
//!
//! There are none without the feature `crash-points`, which only this crate's own tests turn on.

/// The variable that says at which point, counted from 1, the process ends.
#[cfg(feature = "crash-points")]
const AT: &str = "PACKYARD_TEST_CRASH_AT";

/// Ends the process, as `kill -9` does, if it is this point's turn: nothing is flushed or undone.
#[cfg(feature = "crash-points")]
pub(crate) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    static WANTED: LazyLock<Option<u64>> = LazyLock::new(|| {
        std::env::var(AT)
            .ok()
            .and_then(|number| number.parse().ok())
    });
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == WANTED.unwrap_or(0) {
        let killed =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // Not reached: nobody survives that signal.
        let _ = killed;
        std::process::abort();
    }
}

#[cfg(not(feature = "crash-points"))]
pub(crate) fn point() {}
