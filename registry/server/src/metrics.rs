//! What the registry counts, in Prometheus' form; whoever runs the server shows it.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use registry_store::Collected;

/// Counters of garbage collection.
#[derive(Clone, Debug)]
pub(crate) struct CollectionMetrics {
    runs: IntCounterVec,
    removed: IntCounterVec,
    freed_bytes: IntCounter,
    last_success: IntGauge,
}

impl CollectionMetrics {
    pub(crate) fn new() -> Self {
        const GOOD: &str = "names and labels are constants that Prometheus allows";
        let total = |name: &str, help: &str, label: &str| {
            IntCounterVec::new(Opts::new(name, help), &[label]).expect(GOOD)
        };
        Self {
            runs: total(
                "packyard_registry_gc_runs_total",
                "Collections that ended",
                "result",
            ),
            removed: total(
                "packyard_registry_gc_removed_total",
                "What collections removed",
                "kind",
            ),
            freed_bytes: IntCounter::new(
                "packyard_registry_gc_freed_bytes_total",
                "Bytes of content that collections removed",
            )
            .expect(GOOD),
            last_success: IntGauge::new(
                "packyard_registry_gc_last_success_timestamp_seconds",
                "When a collection last ended well",
            )
            .expect(GOOD),
        }
    }

    pub(crate) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.runs.clone()))?;
        registry.register(Box::new(self.removed.clone()))?;
        registry.register(Box::new(self.freed_bytes.clone()))?;
        registry.register(Box::new(self.last_success.clone()))
    }

    /// Counts what went between two states of a run.
    pub(crate) fn add(&self, before: &Collected, after: &Collected) {
        let kinds = [
            ("upload", before.uploads, after.uploads),
            ("manifest", before.manifests, after.manifests),
            ("right", before.rights, after.rights),
            ("blob", before.blobs, after.blobs),
            ("orphan", before.orphans, after.orphans),
        ];
        for (kind, before, after) in kinds {
            let counter = self.removed.with_label_values(&[kind]);
            counter.inc_by(after.saturating_sub(before));
        }
        self.freed_bytes
            .inc_by(after.freed_bytes.saturating_sub(before.freed_bytes));
    }

    pub(crate) fn ended(&self, well: bool) {
        let result = if well { "success" } else { "failure" };
        self.runs.with_label_values(&[result]).inc();
        if well {
            self.last_success.set(jiff::Timestamp::now().as_second());
        }
    }
}
