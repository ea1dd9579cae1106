//! How far a transfer is, for whoever wants to show it.

/// Is told of transfers as they begin.
pub trait Progress: Send + Sync {
    /// A transfer of this many bytes begins; the answer is told how far it is
    /// and dropped when it ends.
    fn transfer(&self, label: &str, total_bytes: u64) -> std::sync::Arc<dyn Transfer>;
}

/// One transfer.
pub trait Transfer: Send + Sync {
    /// So many bytes are across. It can go back: a resumed transfer may start earlier.
    fn position(&self, bytes: u64);
    /// Nothing had to be sent or fetched.
    fn already_there(&self) {}
}

/// Nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn transfer(&self, _: &str, _: u64) -> std::sync::Arc<dyn Transfer> {
        std::sync::Arc::new(Self)
    }
}

impl Transfer for NoProgress {
    fn position(&self, _: u64) {}
}
