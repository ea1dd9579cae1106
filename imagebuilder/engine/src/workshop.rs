//! What every build uses: settings, journal, provider, registry, Ansible, resolver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imagebuilder_provider::Provider;
use tokio::sync::{Notify, RwLock};

use crate::ansible::AnsibleRunner;
use crate::config::EngineConfig;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::resolve::{Masker, Pins, ResolveError, Resolved, Resolver, Target};
use crate::ssh::Shell;
use crate::stages::Verified;
use crate::turns::Turns;

/// The shared parts of the engine.
pub(crate) struct Workshop {
    pub(crate) config: EngineConfig,
    pub(crate) journal: Journal,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) ansible: Arc<dyn AnsibleRunner>,
    pub(crate) shell: Arc<dyn Shell>,
    pub(crate) resolver: Resolver,
    /// Rung when a stage waits to be pushed.
    pub(crate) stage_captured: Notify,
    /// Rung when a webhook is to be told something.
    pub(crate) delivery_due: Notify,
    pub(crate) metrics: Metrics,
    /// Held for reading while a build chooses its stages, for writing while some are evicted.
    pub(crate) choosing: RwLock<()>,
    /// Disks of stages that this process has read and found sound.
    pub(crate) verified: Verified,
    /// Held while something is fetched to this host.
    pub(crate) fetching: Turns,
    /// What hides the secrets of the builds that this process works on.
    pub(crate) maskers: Mutex<BTreeMap<String, Masker>>,
    /// What befalls steps.
    #[cfg(test)]
    pub(crate) trouble: crate::testing::Trouble,
}

impl Workshop {
    fn maskers(&self) -> MutexGuard<'_, BTreeMap<String, Masker>> {
        self.maskers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what hides the secrets of a build that is worked on.
    pub(crate) fn hide(&self, build: &str, masker: Masker) {
        self.maskers().insert(build.to_owned(), masker);
    }

    /// The build has ended: what it left was masked when it was written.
    pub(crate) fn unhide(&self, build: &str) {
        self.maskers().remove(build);
    }

    /// What hides the secrets of a build, if it is worked on here.
    pub(crate) fn masker(&self, build: &str) -> Option<Masker> {
        self.maskers().get(build).cloned()
    }

    pub(crate) async fn resolve(
        &self,
        request: &imagebuilder_api::EnsureImage,
        pins: &Pins,
    ) -> Result<Arc<Resolved>, ResolveError> {
        let target = Target {
            provider: self.provider.name(),
            facts: self.provider.facts(),
            cloud_types: &self.config.cloud_types,
        };
        self.resolver
            .resolve(&*self.registry, &*self.ansible, &target, request, pins)
            .await
    }
}
