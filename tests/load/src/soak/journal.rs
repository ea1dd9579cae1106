//! The histories of the shared tags, and the layers that images have in common.
//!
//! Tags are used for some kills and then left, so that a history is checked and forgotten while
//! the soak goes on: it may take hours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::history::{Event, violations};
use super::shared::Shared;

/// The repository that all clients push to.
pub(super) const SHARED: &str = "soak/shared";
/// Few, so that clients meet.
const TAGS: usize = 4;
/// After how many changes of a server the tags change, two for each kill.
const EPOCHS: u64 = 8;
/// Layers that come, go and come back, in several repositories at once.
const LAYERS: usize = 12;
const LAYER_BYTES: usize = 256 << 10;

pub(super) struct Journal {
    layers: Vec<Vec<u8>>,
    histories: Mutex<BTreeMap<u64, BTreeMap<String, Vec<Event>>>>,
}

impl Journal {
    pub(super) fn new() -> Self {
        let layers = (0..LAYERS).map(|_| random(LAYER_BYTES)).collect();
        Self {
            layers,
            histories: Mutex::default(),
        }
    }

    /// A layer: a third of them have been pushed before, and perhaps collected meanwhile.
    pub(super) fn layer(&self) -> Vec<u8> {
        if rand::random_range(0..3) == 0 {
            return self.layers[rand::random_range(0..self.layers.len())].clone();
        }
        random(LAYER_BYTES)
    }

    /// One of the tags in use.
    pub(super) fn tag(&self, shared: &Shared) -> String {
        let number = rand::random_range(0..TAGS);
        format!("g{}-{number}", shared.changes() / EPOCHS)
    }

    pub(super) fn record(&self, tag: String, event: Event) {
        let generation = generation(&tag);
        let mut histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let tags = histories.entry(generation).or_default();
        tags.entry(tag).or_default().push(event);
    }

    /// The tags of the last generation, to be read once more.
    pub(super) fn last_tags(&self) -> Vec<String> {
        let histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        histories
            .last_key_value()
            .map(|(_, tags)| tags.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Checks and forgets the histories that nobody adds to any more, or all of them.
    pub(super) fn check(&self, shared: &Shared, all: bool) {
        // Whoever began with an old tag has ended two generations later.
        let over = (shared.changes() / EPOCHS).saturating_sub(1);
        let mut histories = self
            .histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let later = histories.split_off(&if all { u64::MAX } else { over });
        let ended = std::mem::replace(&mut *histories, later);
        drop(histories);
        for (tag, events) in ended.into_values().flatten() {
            for violation in violations(&events) {
                let what = format!("{SHARED}:{tag}: {violation}");
                shared.complain(&shared.counts.violations, what);
            }
        }
    }
}

fn generation(tag: &str) -> u64 {
    tag.trim_start_matches('g')
        .split('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn random(at_most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rand::random_range(64..at_most)];
    rand::fill(&mut bytes[..]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_lost_push_is_counted_once_its_tag_is_old() {
        let address = ([127, 0, 0, 1], 1).into();
        let (shared, journal) = (Shared::new(&[address]), Journal::new());
        let tag = journal.tag(&shared);
        for event in [
            Event::Write {
                digest: "a".to_owned(),
                begin: 1,
                end: Some(2),
            },
            Event::Read {
                digest: None,
                begin: 3,
                end: 4,
            },
        ] {
            journal.record(tag.clone(), event);
        }
        journal.check(&shared, false);
        assert_eq!(shared.counts.violations.load(Ordering::Relaxed), 0);
        for _ in 0..EPOCHS {
            shared.killing(0);
            shared.back(0, address);
        }
        assert_ne!(journal.tag(&shared), tag);
        journal.check(&shared, false);
        journal.check(&shared, true);
        assert_eq!(shared.counts.violations.load(Ordering::Relaxed), 1);
        assert_eq!(shared.complaints().len(), 1);
    }
}
