//! What every build uses: settings, journal, provider, registry, Ansible, resolver.

use std::sync::Arc;

use imagebuilder_provider::Provider;
use tokio::sync::Notify;

use crate::ansible::AnsibleRunner;
use crate::config::EngineConfig;
use crate::journal::Journal;
use crate::registry::Registry;
use crate::resolve::{Pins, ResolveError, Resolved, Resolver, Target};
use crate::ssh::Shell;

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
    /// What befalls steps.
    #[cfg(test)]
    pub(crate) trouble: crate::testing::Trouble,
}

impl Workshop {
    pub(crate) async fn resolve(
        &self,
        request: &imagebuilder_api::EnsureImage,
        pins: &Pins,
    ) -> Result<Resolved, ResolveError> {
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
