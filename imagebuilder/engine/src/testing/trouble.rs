//! Trouble around a step of a build: it fails or hangs, right before or right after it did
//! its work. What is told here befalls the step once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use imagebuilder_api::StepName;
use imagebuilder_provider::When;

use crate::failure::Failure;

/// What befalls a step.
#[derive(Debug, Clone)]
pub(crate) enum Mishap {
    /// It fails. After its work: the answer got lost.
    Fail(Failure),
    /// It never ends.
    Hang,
}

/// What waits for a step.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    waiting: Mutex<Option<(StepName, When, Mishap)>>,
    met: AtomicBool,
}

impl Trouble {
    pub(crate) fn make(&self, step: StepName, when: When, mishap: Mishap) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = Some((step, when, mishap));
    }

    /// Whether it has befallen the step.
    pub(crate) fn is_met(&self) -> bool {
        self.met.load(Ordering::SeqCst)
    }

    pub(crate) async fn meet(&self, step: StepName, when: When) -> Result<(), Failure> {
        let mishap = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            match &*waiting {
                Some((of, at, _)) if *of == step && *at == when => waiting.take(),
                _ => None,
            }
        };
        let Some((.., mishap)) = mishap else {
            return Ok(());
        };
        self.met.store(true, Ordering::SeqCst);
        match mishap {
            Mishap::Fail(failure) => Err(failure),
            Mishap::Hang => std::future::pending().await,
        }
    }
}
