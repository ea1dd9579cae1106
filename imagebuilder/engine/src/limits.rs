//! The bounds of the engine, as people read them. The constants are elsewhere, each where it is used.

use crate::config::EngineConfig;
use crate::journal::EVENTS_KEPT;
use crate::{ansible, deliveries, lifecycle, logs, reach, resolve};

/// One bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What is bounded.
    pub what: &'static str,
    /// How much it may be.
    pub bound: String,
    /// What happens beyond.
    pub beyond: &'static str,
    /// The key that changes it, if one does.
    pub key: Option<&'static str>,
}

fn fixed(what: &'static str, bound: impl ToString, beyond: &'static str) -> Bound {
    Bound {
        what,
        bound: bound.to_string(),
        beyond,
        key: None,
    }
}

fn by(key: &'static str, bound: Bound) -> Bound {
    Bound {
        key: Some(key),
        ..bound
    }
}

/// Bounds of events, logs, images, stages and webhooks.
#[must_use]
pub fn bounds(config: &EngineConfig) -> Vec<Bound> {
    [told(config), logged(), kept(config), reached(), webhooks()].concat()
}

fn told(config: &EngineConfig) -> Vec<Bound> {
    let days = config.logs.age.as_secs() / 86_400;
    let (age, builds) = ("builder.keep_logs_days", "builder.keep_logs_builds");
    vec![
        fixed(
            "events kept of a build",
            EVENTS_KEPT,
            "the oldest go; readers are told how many",
        ),
        by(
            age,
            fixed(
                "logs and events of a build, days after its end",
                days,
                "deleted; the record stays",
            ),
        ),
        by(
            builds,
            fixed(
                "ended builds with logs and events",
                config.logs.builds,
                "those of the oldest are deleted",
            ),
        ),
    ]
}

fn logged() -> Vec<Bound> {
    const CUT: &str = "the rest is left out, and a line says so";
    vec![
        fixed(
            "what one Ansible task says, bytes",
            ansible::TASK_BYTES,
            CUT,
        ),
        fixed(
            "what one run of Ansible says, bytes",
            ansible::RUN_BYTES,
            CUT,
        ),
        fixed(
            "memory of one process of Ansible, bytes",
            ansible::MEMORY_BYTES,
            "the task fails",
        ),
        fixed(
            "one file that Ansible writes on the builder's host, bytes",
            ansible::FILE_BYTES,
            "the task fails",
        ),
        fixed(
            "one file in a build's zip, bytes",
            logs::FILE_BYTES,
            "its end alone is taken",
        ),
        fixed(
            "files of a build's folder in its zip",
            logs::FILES,
            "left out",
        ),
        fixed(
            "characters of the shortest value that is masked",
            resolve::SHORTEST_SECRET,
            "shorter ones are shown",
        ),
    ]
}

fn kept(config: &EngineConfig) -> Vec<Bound> {
    let store = config.stage_store_bytes;
    let store = store.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string());
    let limit = fixed(
        "stages and base images on a host, bytes",
        store,
        "those not used for longest go",
    );
    vec![
        by("builder.stage_store_bytes", limit),
        fixed(
            "holder of an image, characters",
            lifecycle::HOLDER_CHARS,
            "422",
        ),
        fixed(
            "reason of a hold or a revocation, characters",
            lifecycle::REASON_CHARS,
            "422",
        ),
    ]
}

fn reached() -> Vec<Bound> {
    vec![
        fixed(
            "connections of a build machine through its proxy",
            reach::CONNECTIONS,
            "503",
        ),
        fixed(
            "head of a request of a build machine, bytes",
            reach::HEAD_BYTES,
            "431, at twice as much at the latest",
        ),
        fixed(
            "seconds in which nothing moves on such a connection",
            reach::IDLE.as_secs(),
            "it is ended",
        ),
        fixed(
            "refused hosts that a build tells of",
            reach::TOLD,
            "refused without an event",
        ),
    ]
}

fn webhooks() -> Vec<Bound> {
    vec![
        fixed(
            "what webhooks are still to be told",
            deliveries::MOST,
            "the oldest are dropped and counted",
        ),
        fixed(
            "tries to tell a webhook something",
            deliveries::TRIES,
            "given up and counted",
        ),
    ]
}
