//! The bounds of the builder, as people read them.

use std::path::PathBuf;

use imagebuilder_engine::{Bound, EngineConfig, bounds};
use service::limits::Limit;

use crate::{live, page};

/// Bounds of streams and pages, and of the engine as it is without configuration.
#[must_use]
pub fn limits() -> Vec<Limit> {
    let config = EngineConfig::new(PathBuf::new(), PathBuf::new());
    let engine = bounds(&config).into_iter().map(limit);
    let own = [
        Limit::fixed("live streams of events", live::STREAMS, "503"),
        Limit::fixed(
            "seconds in which a reader of a stream takes nothing",
            live::PATIENCE.as_secs(),
            "the stream is cut; the reader goes on where it was",
        ),
        Limit::fixed(
            "page of builds or images",
            page::LONGEST,
            "the page is cut, `next` leads on",
        ),
    ];
    own.into_iter().chain(engine).collect()
}

fn limit(bound: Bound) -> Limit {
    let limit = Limit::fixed(bound.what, bound.bound, bound.beyond);
    match bound.key {
        Some(key) => limit.by(key),
        None => limit,
    }
}
