//! What the engine counts, in Prometheus' form; whoever runs the server shows it.

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use crate::failure::Failure;
use crate::workshop::Workshop;

/// From a look at the journal to a cold stage on an emulated machine.
const SECONDS: [f64; 13] = [
    0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// Counters and gauges of one engine.
#[derive(Debug)]
pub(crate) struct Metrics {
    waiting: IntGauge,
    running: IntGauge,
    oldest_seconds: Gauge,
    builds: IntCounterVec,
    steps: HistogramVec,
    failures: IntCounterVec,
    stages: IntCounterVec,
    requests: IntCounterVec,
    reaped: IntCounterVec,
    store_bytes: IntGauge,
    deliveries: IntCounterVec,
    undelivered: IntGauge,
}

const GOOD: &str = "names and labels are constants that Prometheus allows";

fn total(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(GOOD)
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect(GOOD)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            waiting: gauge("packyard_builds_waiting", "Builds that wait for a worker"),
            running: gauge("packyard_builds_running", "Builds that a worker has"),
            oldest_seconds: Gauge::new(
                "packyard_builds_oldest_waiting_seconds",
                "How long the build has waited that waits longest",
            )
            .expect(GOOD),
            builds: total("packyard_builds_total", "Builds that ended", &["state"]),
            steps: HistogramVec::new(
                HistogramOpts::new(
                    "packyard_build_step_seconds",
                    "How long steps took that were done",
                )
                .buckets(SECONDS.into()),
                &["step"],
            )
            .expect(GOOD),
            failures: total(
                "packyard_build_step_failures_total",
                "Tries of steps that failed",
                &["step", "reason"],
            ),
            stages: total(
                "packyard_stages_total",
                "Captured stages that builds needed: found (hit) or to be made (miss)",
                &["result"],
            ),
            requests: total(
                "packyard_image_requests_total",
                "Requests for images by their answer",
                &["answer"],
            ),
            reaped: total(
                "packyard_leaked_resources_total",
                "Resources that the reaper found and nobody owned",
                &["end"],
            ),
            store_bytes: gauge(
                "packyard_stage_store_bytes",
                "What stages and base images take on this host",
            ),
            deliveries: total(
                "packyard_webhook_deliveries_total",
                "Tries to tell a webhook something, by how they ended",
                &["end"],
            ),
            undelivered: gauge(
                "packyard_webhook_undelivered",
                "What webhooks are still to be told",
            ),
        }
    }

    fn all(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.waiting.clone()),
            Box::new(self.running.clone()),
            Box::new(self.oldest_seconds.clone()),
            Box::new(self.builds.clone()),
            Box::new(self.steps.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.stages.clone()),
            Box::new(self.requests.clone()),
            Box::new(self.reaped.clone()),
            Box::new(self.store_bytes.clone()),
            Box::new(self.deliveries.clone()),
            Box::new(self.undelivered.clone()),
        ]
    }

    pub(crate) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        // Known before they happen: a rate of something that was never seen is no rate.
        for state in ["succeeded", "failed", "cancelled"] {
            self.builds.with_label_values(&[state]);
        }
        for result in ["hit", "miss"] {
            self.stages.with_label_values(&[result]);
        }
        for end in ["removed", "left"] {
            self.reaped.with_label_values(&[end]);
        }
        for end in ["sent", "failed", "given_up", "dropped"] {
            self.deliveries.with_label_values(&[end]);
        }
        self.all()
            .into_iter()
            .try_for_each(|one| registry.register(one))
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = |one: Box<dyn Collector>| -> Vec<String> {
            one.desc().iter().map(|desc| desc.fq_name.clone()).collect()
        };
        self.all().into_iter().flat_map(names).collect()
    }

    pub(crate) fn build_ended(&self, state: &str) {
        self.builds.with_label_values(&[state]).inc();
    }

    pub(crate) fn step_done(&self, step: &str, seconds: f64) {
        self.steps.with_label_values(&[step]).observe(seconds);
    }

    pub(crate) fn step_failed(&self, step: &str, reason: &str) {
        self.failures.with_label_values(&[step, reason]).inc();
    }

    pub(crate) fn stages_planned(&self, hits: usize, misses: usize) {
        let add = |result, count: usize| {
            self.stages
                .with_label_values(&[result])
                .inc_by(count as u64);
        };
        add("hit", hits);
        add("miss", misses);
    }

    pub(crate) fn answered(&self, answer: &str) {
        self.requests.with_label_values(&[answer]).inc();
    }

    pub(crate) fn reaped(&self, removed: usize, left: usize) {
        let add = |end, count: usize| self.reaped.with_label_values(&[end]).inc_by(count as u64);
        add("removed", removed);
        add("left", left);
    }

    pub(crate) fn delivery(&self, end: &str) {
        self.deliveries.with_label_values(&[end]).inc();
    }
}

/// Reads the gauges anew.
pub(crate) async fn measure(shop: &Workshop) -> Result<(), Failure> {
    let metrics = &shop.metrics;
    let load = shop.journal.load().await?;
    metrics.waiting.set(load.waiting);
    metrics.running.set(load.running);
    let waited = load
        .oldest
        .and_then(|oldest| oldest.parse::<jiff::Timestamp>().ok());
    let waited = waited.map_or(0.0, |since| {
        jiff::Timestamp::now()
            .duration_since(since)
            .as_secs_f64()
            .max(0.0)
    });
    metrics.oldest_seconds.set(waited);
    metrics.store_bytes.set(load.store_bytes);
    metrics.undelivered.set(load.undelivered);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_can_be_registered_and_is_named() {
        let metrics = Metrics::new();
        metrics.register(&Registry::new()).unwrap();
        let names = metrics.names();
        assert_eq!(names.len(), 12);
        assert!(
            names.iter().all(|name| name.starts_with("packyard_")),
            "{names:?}"
        );
    }
}
