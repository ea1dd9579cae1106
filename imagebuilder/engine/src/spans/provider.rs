//! A span for each call of the provider that does something. Looks are left out: while a
//! machine boots or a role runs there are hundreds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use imagebuilder_api::StageId;
use imagebuilder_provider::{
    CaptureSpec, CapturedImage, Disk, DiskId, DiskSource, Ended, ImageId, Machine, MachineId,
    MachineSpec, MachineState, Progress, Provider, ProviderError, ProviderFacts, Resource,
};
use traces::{Span, SpanKind, Tracer};

/// A provider whose calls are traced.
pub(crate) struct TracedProvider {
    pub(crate) inner: Arc<dyn Provider>,
    pub(crate) tracer: Tracer,
}

impl TracedProvider {
    async fn call<T>(
        &self,
        name: &'static str,
        about: &str,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let mut span = self.tracer.child(name, SpanKind::Client);
        span.set("packyard.provider", self.inner.name());
        span.set("packyard.resource", about.to_owned());
        let result = traces::within(span.context(), call).await;
        self.end(span, &result);
        result
    }

    /// What went wrong in words is with the step, which knows what to mask.
    fn end<T>(&self, mut span: Span, result: &Result<T, ProviderError>) {
        if let Err(error) = result {
            span.fail(format!("{:?}", error.remedy()));
        }
        span.end();
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for TracedProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn facts(&self) -> ProviderFacts {
        self.inner.facts()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError> {
        let call = self.inner.import_disk(source);
        self.call("provider import_disk", "", call).await
    }

    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
        self.inner.disk(id).await
    }

    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError> {
        let call = self.inner.delete_disk(id);
        self.call("provider delete_disk", id.as_str(), call).await
    }

    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError> {
        let call = self.inner.launch(spec);
        self.call("provider launch", &spec.tags.purpose, call).await
    }

    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError> {
        self.inner.machine(id).await
    }

    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError> {
        let call = self.inner.checkpoint(id, stage);
        self.call("provider checkpoint", id.as_str(), call).await
    }

    async fn shutdown(&self, id: &MachineId, grace: Duration) -> Result<Ended, ProviderError> {
        let call = self.inner.shutdown(id, grace);
        self.call("provider shutdown", id.as_str(), call).await
    }

    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        progress: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError> {
        let call = self.inner.capture(id, spec, progress);
        self.call("provider capture", id.as_str(), call).await
    }

    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError> {
        let call = self.inner.delete_image(id);
        self.call("provider delete_image", id.as_str(), call).await
    }

    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError> {
        let call = self.inner.destroy(id);
        self.call("provider destroy", id.as_str(), call).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ProviderError> {
        self.inner.resources().await
    }

    async fn console(&self, id: &MachineId, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
        self.inner.console(id, max_bytes).await
    }
}
