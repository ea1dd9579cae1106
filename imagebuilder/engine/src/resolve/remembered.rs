//! Profiles that were resolved before.
//!
//! The outcome follows from what the references of a profile stand for and from the version of
//! Ansible, so where those are what they were, so is the outcome. What they stand for is asked
//! every time, all of it at once: a tag that moved is seen by the next request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryFutureExt as _;
use futures::future::try_join_all;

use crate::registry::Registry;
use crate::resolve::pins::Answers;
use crate::resolve::{Pins, Resolved};

/// How many are kept: a team's profiles, each with some megabytes of variables at most.
const KEPT: usize = 64;

/// What the outcome follows from beside the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The reference as it was written.
    pub(super) profile: String,
    /// None where there is no Ansible.
    pub(super) ansible_core: Option<String>,
}

struct Entry {
    asked: Asked,
    answers: Answers,
    resolved: Arc<Resolved>,
}

#[derive(Default)]
pub(super) struct Remembered(Mutex<VecDeque<Arc<Entry>>>);

impl Remembered {
    /// The outcome of before, if every answer is what it was; the answers are pinned.
    pub(super) async fn find(
        &self,
        registry: &dyn Registry,
        architecture: &str,
        asked: &Asked,
        pins: &Pins,
    ) -> Option<Arc<Resolved>> {
        let entry = self.take_forward(asked)?;
        // Answers to what a changed profile no longer asks must not be pinned.
        let now = pins.clone();
        let questions = entry.answers.iter().map(|(question, before)| {
            let asked = now.ask(registry, architecture, question.clone());
            asked.map_ok(|answer| answer == *before)
        });
        // What gets no answer may be asked by nobody any more. If it is, the resolution that
        // follows asks again, and says so.
        let same = try_join_all(questions).await;
        same.is_ok_and(|same| same.into_iter().all(|same| same))
            .then(|| {
                pins.replace(now.answers());
                Arc::clone(&entry.resolved)
            })
    }

    pub(super) fn put(&self, asked: Asked, answers: Answers, resolved: Arc<Resolved>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|entry| entry.asked != asked);
        kept.push_front(Arc::new(Entry {
            asked,
            answers,
            resolved,
        }));
        kept.truncate(KEPT);
    }

    fn take_forward(&self, asked: &Asked) -> Option<Arc<Entry>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|entry| entry.asked == *asked)?;
        let entry = kept.remove(at)?;
        kept.push_front(Arc::clone(&entry));
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::World;

    async fn resolve(world: &World, pins: &Pins) -> Arc<Resolved> {
        let resolved = world.engine.shop.resolve(&world.request(), pins).await;
        resolved.unwrap()
    }

    #[tokio::test]
    async fn what_did_not_change_is_asked_for_and_not_read_again() {
        let world = World::new().await;
        let (first, second) = (Pins::default(), Pins::default());
        let one = resolve(&world, &first).await;
        let reads = world.registry.reads();
        let two = resolve(&world, &second).await;
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(world.registry.reads(), reads);
        assert_eq!(first.answers(), second.answers());
    }

    #[tokio::test]
    async fn a_tag_that_moved_is_seen_and_pins_still_count() {
        let world = World::new().await;
        let pins = Pins::default();
        let before = resolve(&world, &pins).await;
        world
            .publish_pack("addon-demo", "addon", "false", &[("last_role", "echo new")])
            .await;
        let after = resolve(&world, &Pins::default()).await;
        let pinned = resolve(&world, &pins).await;
        assert_ne!(before.signature, after.signature);
        assert_eq!(before.signature, pinned.signature);
    }

    #[tokio::test]
    async fn a_profile_that_asks_for_other_packs_pins_no_old_ones() {
        let world = World::new().await;
        resolve(&world, &Pins::default()).await;
        let packs = [("os-demo", "os"), ("kubernetes", "k8s")];
        world.publish_profile_with("demo", &packs, json!([])).await;
        let pins = Pins::default();
        resolve(&world, &pins).await;
        let answers = pins.answers();
        let old =
            |question: &crate::resolve::pins::Question| question.to_string().contains("addon-demo");
        assert!(!answers.keys().any(old), "{answers:?}");
    }
}
