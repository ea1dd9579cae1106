//! What the checks of the suite share: the provider, and machines with names of their own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imagebuilder_api::StageId;
use jiff::{SignedDuration, Timestamp};

use crate::disk::DiskSource;
use crate::id::DiskId;
use crate::machine::{MachineSpec, Media};
use crate::network::Network;
use crate::provider::Provider;
use crate::resource::{Resource, ResourceKind};
use crate::seed::{HostKey, Seed};
use crate::tags::Tags;

/// What the suite cannot make by itself.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// A disk that machines can start from; it need not boot.
    pub disk: DiskSource,
    /// The size of disk that machines are given; at least that of `disk`.
    pub disk_size_bytes: u64,
    /// A folder to mount, with a file or two.
    pub media: Media,
}

/// How long a guest that does not listen is asked before its machine is ended.
pub(super) const GRACE: Duration = Duration::from_millis(200);

pub(super) struct World<P, F> {
    pub(super) provider_of: F,
    pub(super) fixture: Fixture,
    next: AtomicU32,
    _provider: std::marker::PhantomData<fn() -> P>,
}

impl<P: Provider, F: AsyncFn() -> P> World<P, F> {
    pub(super) fn new(provider_of: F, fixture: Fixture) -> Self {
        Self {
            provider_of,
            fixture,
            next: AtomicU32::new(1),
            _provider: std::marker::PhantomData,
        }
    }

    /// Opens the place, as a process does that starts.
    pub(super) async fn open(&self) -> P {
        (self.provider_of)().await
    }

    /// Imports the fixture's disk.
    pub(super) async fn disk(&self, provider: &P) -> DiskId {
        provider
            .import_disk(&self.fixture.disk)
            .await
            .expect("the fixture's disk can be imported")
    }

    /// A specification that no other check uses.
    pub(super) fn spec(&self, disk: DiskId) -> MachineSpec {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        MachineSpec {
            tags: Tags {
                build: format!("contract-{number}")
                    .parse()
                    .expect("this is a build id"),
                purpose: "build".to_owned(),
                attempt: 1,
                deadline: Timestamp::now() + SignedDuration::from_hours(1),
            },
            disk,
            cpus: 1,
            memory_bytes: 128 << 20,
            disk_size_bytes: self.fixture.disk_size_bytes,
            seed: seed(number),
            media: vec![self.fixture.media.clone()],
            network: Network::Offline,
        }
    }

    /// A stage that no other check uses.
    pub(super) fn stage(&self) -> StageId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{number:064x}")
            .parse()
            .expect("this is a stage id")
    }

    /// The suite cleans up after itself, and so must the provider have done.
    pub(super) async fn expect_nothing_left(&self) {
        let provider = self.open().await;
        let disk = self.disk(&provider).await;
        provider
            .delete_disk(&disk)
            .await
            .expect("nothing uses the disk any more");
        let left = provider.resources().await.expect("resources can be listed");
        assert!(left.is_empty(), "left over: {left:#?}");
    }
}

fn seed(number: u32) -> Seed {
    Seed {
        instance_id: format!("contract-{number}"),
        hostname: "contract".to_owned(),
        user: "packyard-build".to_owned(),
        ssh_authorized_key: "ssh-ed25519 AAAA contract".to_owned(),
        ssh_host_key: HostKey {
            private: "not a key\n".to_owned(),
            public: "ssh-ed25519 AAAA host".to_owned(),
        },
        extra: None,
    }
}

/// The resource of that kind and name, if it is listed.
pub(super) async fn listed<P: Provider>(
    provider: &P,
    kind: ResourceKind,
    id: &str,
) -> Option<Resource> {
    let all = provider.resources().await.expect("resources can be listed");
    let mut found = all
        .into_iter()
        .filter(|resource| resource.kind == kind && resource.id == id);
    let first = found.next();
    assert!(found.next().is_none(), "{id} is listed twice");
    first
}
