//! A cloud in a folder, for tests: fast, honest about state, and able to fail on demand.
//!
//! Machines run no guest. All state is one file, so that another instance on the
//! same folder finds it, as another process would. A test can make any method
//! fail before it acted, or after: the answer that got lost on the way.

mod failures;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use imagebuilder_api::StageId;

pub use failures::{Failures, Method, When};

use crate::disk::{Disk, DiskFormat, DiskSource};
use crate::error::ProviderError;
use crate::id::{DiskId, ImageId, MachineId};
use crate::image::{CaptureSpec, CapturedImage, Progress};
use crate::machine::{Ended, Machine, MachineSpec, MachineState};
use crate::network::Network;
use crate::provider::{Provider, ProviderFacts};
use crate::resource::Resource;
use state::{State, Store};

/// A cloud in a folder.
pub struct FakeProvider {
    store: Store,
    failures: Failures,
    ssh: SocketAddr,
    shared: bool,
    launched: Mutex<Vec<Launched>>,
}

/// What a machine was launched with, as far as tests ask.
#[derive(Debug, Clone)]
pub struct Launched {
    /// The machine.
    pub id: MachineId,
    /// What it can reach.
    pub network: Network,
    /// What cloud-init would read.
    pub user_data: String,
}

impl FakeProvider {
    /// Opens the folder, which another instance may have filled.
    pub fn open(folder: &Path) -> Result<Self, ProviderError> {
        Ok(Self::on(Store::open(folder)?))
    }

    /// A cloud that lives as long as this instance; only what machines and tests look into
    /// is in the folder. It is faster where one instance serves many.
    pub fn in_memory(folder: &Path) -> Result<Self, ProviderError> {
        Ok(Self::on(Store::in_memory(folder)?))
    }

    fn on(store: Store) -> Self {
        Self {
            store,
            failures: Failures::default(),
            ssh: (Ipv4Addr::LOCALHOST, 1).into(),
            shared: false,
            launched: Mutex::default(),
        }
    }

    /// Says that several workers see this cloud.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Says where machines answer; by itself it is a port where nobody does.
    #[must_use]
    pub fn with_ssh(mut self, ssh: SocketAddr) -> Self {
        self.ssh = ssh;
        self
    }

    /// What this instance has launched, oldest first.
    pub fn launched(&self) -> Vec<Launched> {
        let launched = self.launched.lock();
        launched.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What fails, and when.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// The folder for files that machines and tests can look into.
    pub fn folder(&self) -> PathBuf {
        self.store.folder().to_owned()
    }

    /// Acts on the state between the two moments at which a test can make the method fail.
    async fn act<T>(
        &self,
        method: Method,
        act: impl FnOnce(&mut State, &Path) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        self.failures.check(method, When::Before).await?;
        let done = self.store.change(act)?;
        self.failures.check(method, When::After).await?;
        Ok(done)
    }
}

#[async_trait]
impl Provider for FakeProvider {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn facts(&self) -> ProviderFacts {
        ProviderFacts {
            output_format: DiskFormat::Qcow2.as_str().to_owned(),
            architecture: "amd64".to_owned(),
            firmware: "bios".to_owned(),
            accelerator: "none".to_owned(),
        }
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError> {
        self.act(Method::ImportDisk, |state, folder| {
            state.import(source, folder)
        })
        .await
    }

    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
        self.act(Method::Disk, |state, folder| Ok(state.disk(id, folder)))
            .await
    }

    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError> {
        self.act(Method::DeleteDisk, |state, folder| {
            state.delete_disk(id, folder)
        })
        .await
    }

    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError> {
        let ssh = self.ssh;
        let machine = self
            .act(Method::Launch, |state, _| state.launch(spec, ssh))
            .await?;
        let launched = Launched {
            id: machine.id.clone(),
            network: spec.network,
            user_data: spec.seed.user_data(),
        };
        let mut all = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(launched);
        Ok(machine)
    }

    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError> {
        self.act(Method::Machine, |state, _| Ok(state.machine(id)))
            .await
    }

    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError> {
        self.act(Method::Checkpoint, |state, folder| {
            state.checkpoint(id, stage, folder)
        })
        .await
    }

    async fn shutdown(&self, id: &MachineId, _grace: Duration) -> Result<Ended, ProviderError> {
        self.act(Method::Shutdown, |state, _| state.shutdown(id))
            .await
    }

    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        progress: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError> {
        let image = self
            .act(Method::Capture, |state, folder| {
                state.capture(id, spec, folder)
            })
            .await?;
        progress(0.5);
        progress(1.0);
        Ok(image)
    }

    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError> {
        self.act(Method::DeleteImage, |state, folder| {
            state.delete_image(id, folder)
        })
        .await
    }

    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError> {
        self.act(Method::Destroy, |state, _| {
            state.destroy(id);
            Ok(())
        })
        .await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ProviderError> {
        self.act(Method::Resources, |state, _| Ok(state.resources()))
            .await
    }

    async fn console(&self, id: &MachineId, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
        self.act(Method::Console, |_, _| {
            let text = format!("console of {id}\n").into_bytes();
            Ok(text[text.len().saturating_sub(max_bytes)..].to_vec())
        })
        .await
    }
}
