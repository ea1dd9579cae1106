//! A provider that answers rubbish: each lie is noticed, bounded and named, or does no harm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use database::Database;
use imagebuilder_api::{BuildState, ConditionStatus, StageId};
use imagebuilder_provider::{
    CaptureSpec, CapturedImage, Disk, DiskId, DiskSource, Ended, FakeProvider, ImageId, Machine,
    MachineId, MachineSpec, MachineState, Progress, Provider, ProviderError, ProviderFacts,
    Resource, ResourceKind,
};
use jiff::Timestamp;

use crate::reaper;
use crate::testing::World;

/// One lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// The machine that it launched is another one.
    AnotherMachine,
    /// There is no such machine, a moment after it was launched.
    NoMachine,
    /// The stage is kept in a disk that is not there.
    NoDisk,
    /// Each disk stands on itself.
    DiskOnItself,
    /// No guest ever obeys.
    NeverOff,
    /// The image is in a file that is not there.
    NoImage,
    /// The image is in a file without an end.
    EndlessImage,
    /// It holds things that have impossible names, and each twice.
    BadNames,
}

/// The fake cloud, with one lie.
struct Liar {
    cloud: FakeProvider,
    lie: Lie,
    lies: AtomicBool,
}

impl Liar {
    fn says(&self, lie: Lie) -> bool {
        self.lie == lie && self.lies.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Provider for Liar {
    fn name(&self) -> &'static str {
        self.cloud.name()
    }

    fn facts(&self) -> ProviderFacts {
        self.cloud.facts()
    }

    async fn import_disk(&self, source: &DiskSource) -> Result<DiskId, ProviderError> {
        self.cloud.import_disk(source).await
    }

    async fn disk(&self, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
        let found = self.cloud.disk(id).await?;
        if !self.says(Lie::DiskOnItself) {
            return Ok(found);
        }
        Ok(found.map(|disk| Disk {
            parent: Some(id.clone()),
            ..disk
        }))
    }

    async fn delete_disk(&self, id: &DiskId) -> Result<(), ProviderError> {
        self.cloud.delete_disk(id).await
    }

    async fn launch(&self, spec: &MachineSpec) -> Result<Machine, ProviderError> {
        let machine = self.cloud.launch(spec).await?;
        if !self.says(Lie::AnotherMachine) {
            return Ok(machine);
        }
        let id = "somebody.else.7".parse().expect("a name");
        Ok(Machine { id, ..machine })
    }

    async fn machine(&self, id: &MachineId) -> Result<MachineState, ProviderError> {
        if self.says(Lie::NoMachine) {
            return Ok(MachineState::Gone);
        }
        self.cloud.machine(id).await
    }

    async fn checkpoint(&self, id: &MachineId, stage: &StageId) -> Result<DiskId, ProviderError> {
        let disk = self.cloud.checkpoint(id, stage).await?;
        if self.says(Lie::NoDisk) {
            return Ok("nowhere".parse().expect("a name"));
        }
        Ok(disk)
    }

    async fn shutdown(&self, id: &MachineId, grace: Duration) -> Result<Ended, ProviderError> {
        let ended = self.cloud.shutdown(id, grace).await?;
        let lies = self.says(Lie::NeverOff);
        Ok(if lies { Ended::ByForce } else { ended })
    }

    async fn capture(
        &self,
        id: &MachineId,
        spec: &CaptureSpec,
        progress: Progress<'_>,
    ) -> Result<CapturedImage, ProviderError> {
        let image = self.cloud.capture(id, spec, progress).await?;
        let path = match self.lie {
            Lie::NoImage => Some("/nowhere/image".into()),
            Lie::EndlessImage => Some("/dev/zero".into()),
            _ => return Ok(image),
        };
        Ok(CapturedImage { path, ..image })
    }

    async fn delete_image(&self, id: &ImageId) -> Result<(), ProviderError> {
        self.cloud.delete_image(id).await
    }

    async fn destroy(&self, id: &MachineId) -> Result<(), ProviderError> {
        self.cloud.destroy(id).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ProviderError> {
        let mut all = self.cloud.resources().await?;
        if self.says(Lie::BadNames) {
            let kinds = [
                ResourceKind::Machine,
                ResourceKind::Disk,
                ResourceKind::Image,
            ];
            all.extend(kinds.into_iter().chain(kinds).map(|kind| Resource {
                id: "../../\u{7}what is this".to_owned(),
                kind,
                tags: std::collections::BTreeMap::new(),
                created: Timestamp::MIN,
            }));
        }
        Ok(all)
    }

    async fn console(&self, id: &MachineId, max_bytes: usize) -> Result<Vec<u8>, ProviderError> {
        self.cloud.console(id, max_bytes).await
    }
}

async fn world_with(lie: Lie) -> World<Liar> {
    let folder = tempfile::tempdir().unwrap();
    let cloud = FakeProvider::open(&folder.path().join("cloud")).unwrap();
    let lies = AtomicBool::new(true);
    let liar = Liar { cloud, lie, lies };
    World::on(folder, liar, Database::Sqlite, |_| {}, b"a disk").await
}

#[tokio::test]
async fn a_lie_ends_the_build_with_a_reason_and_the_truth_makes_the_image() {
    for (lie, reason, word) in [
        (Lie::AnotherMachine, "ProviderCannot", "somebody.else.7"),
        (Lie::NoMachine, "MachineStopped", "stopped"),
        (Lie::NoDisk, "ProviderContradicts", "no such disk"),
        (Lie::NeverOff, "SealIncomplete", "not shut down by itself"),
        (Lie::NoImage, "ProviderContradicts", "there is no file"),
        (Lie::EndlessImage, "ProviderContradicts", "/dev/zero"),
    ] {
        let mut world = world_with(lie).await;
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        let end = (view.state, view.reason.as_deref());
        assert_eq!(
            end,
            (BuildState::Failed, Some(reason)),
            "{lie:?}: {view:#?}"
        );
        let told = |one: &imagebuilder_api::Condition| {
            one.status == ConditionStatus::False && one.message.contains(word)
        };
        assert!(view.conditions.iter().any(told), "{lie:?}: {view:#?}");
        world.expect_nothing_left(&format!("{lie:?}")).await;

        if !matches!(lie, Lie::NoImage | Lie::EndlessImage) {
            world.provider.lies.store(false, Ordering::SeqCst);
            let build = world.ask().await.unwrap();
            let view = world.ended(&build).await;
            assert_eq!(view.state, BuildState::Succeeded, "{lie:?}: {view:#?}");
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn disks_that_stand_on_themselves_end_no_search() {
    let mut world = world_with(Lie::DiskOnItself).await;
    world.start();
    let build = world.ask().await.unwrap();
    world.ended(&build).await;
    // By now the base image is kept, and looked at before it is used again.
    let request = imagebuilder_api::EnsureImage {
        fresh: true,
        ..world.request()
    };
    let build = world.ask_for(request.clone()).await.unwrap();
    world.ended(&build).await;
    world.provider.lies.store(false, Ordering::SeqCst);
    let build = world.ask_for(request).await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    world.stop().await;
}

#[tokio::test]
async fn impossible_names_are_left_alone_and_told() {
    let world = world_with(Lie::BadNames).await;
    let report = reaper::reap(&world.engine.shop).await.unwrap();
    assert_eq!(report.removed, Vec::<String>::new());
    assert_eq!(report.left.len(), 6, "{report:?}");
    for left in &report.left {
        assert!(left.what.contains("what is this"), "{left}");
        assert!(left.why.starts_with("BadResource"), "{left}");
    }
}
