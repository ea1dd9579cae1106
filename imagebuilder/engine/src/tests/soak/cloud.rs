//! The cloud and the registry as a server on a socket, with delays and passing faults.
//!
//! One line of JSON asks, one line answers. Whoever asked may be killed meanwhile: what was
//! asked is done all the same, as a cloud would.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use imagebuilder_api::StageId;
use imagebuilder_provider::{
    CaptureSpec, DiskId, DiskSource, FakeProvider, HostKey, ImageId, MachineId, MachineSpec, Media,
    Network, Provider as _, ProviderError, Seed, Tags,
};
use registry_pack::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::backoff::chance;
use crate::registry::{Artifact, Content, Descriptor, Layer, Registry as _, RegistryError};
use crate::testing::MemoryRegistry;

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    ImportDisk(DiskSource),
    Disk(DiskId),
    DeleteDisk(DiskId),
    Launch(Box<Launch>),
    Machine(MachineId),
    Checkpoint(MachineId, StageId),
    Shutdown(MachineId),
    Capture(MachineId, CaptureSpec),
    DeleteImage(ImageId),
    Destroy(MachineId),
    Resources,
    Resolve(String, String),
    Manifest(String, Digest),
    Blob(Descriptor),
    Referrers(String, Digest, String),
    Push(String, Option<String>, Box<Pushed>),
}

/// A machine, without the keys that a fake has no use for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) tags: Tags,
    pub(super) disk: DiskId,
    pub(super) cpus: u16,
    pub(super) memory_bytes: u64,
    pub(super) disk_size_bytes: u64,
    pub(super) instance: String,
    pub(super) media: Vec<Media>,
    pub(super) network: Network,
}

/// An artifact with its bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pushed {
    pub(super) artifact_type: String,
    pub(super) config: (String, Vec<u8>),
    pub(super) layers: Vec<(String, String, Vec<u8>)>,
    pub(super) subject: Option<Descriptor>,
    pub(super) annotations: Vec<(String, String)>,
}

/// An answer, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done(Value),
    /// It may work in a moment.
    Passing(String),
    Refused(String),
    Missing(String),
}

/// The server's side.
pub(super) struct Cloud {
    pub(super) provider: FakeProvider,
    pub(super) registry: Arc<MemoryRegistry>,
    pub(super) socket: PathBuf,
    pub(super) calls: AtomicU64,
    pub(super) faults: AtomicU64,
    /// One call in so many fails; 0 is none.
    pub(super) one_in: u32,
}

impl Cloud {
    pub(super) fn start(folder: &Path, registry: Arc<MemoryRegistry>, one_in: u32) -> Arc<Self> {
        let cloud = Arc::new(Self {
            provider: FakeProvider::in_memory(&folder.join("cloud")).expect("a fake cloud"),
            registry,
            socket: folder.join("socket"),
            calls: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            one_in,
        });
        let listener = UnixListener::bind(&cloud.socket).expect("a socket");
        let serving = Arc::clone(&cloud);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(stream));
            }
        });
        cloud
    }

    async fn serve(self: Arc<Self>, stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        // Cut off where the worker was killed while it asked.
        if stream.read_line(&mut line).await.is_err() || !line.ends_with('\n') {
            return;
        }
        let call: Call = serde_json::from_str(&line).expect("a call");
        let answer = self.answer(call).await;
        let mut text = serde_json::to_string(&answer).expect("an answer");
        text.push('\n');
        // Whoever asked may be gone.
        drop(stream.write_all(text.as_bytes()).await);
    }

    async fn answer(&self, call: Call) -> Answer {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let changes = call.changes();
        if changes && self.stumbles().await {
            return Answer::Passing("a passing fault, before".to_owned());
        }
        let answer = self.act(call).await;
        if changes && self.stumbles().await {
            return Answer::Passing("a passing fault: the answer got lost".to_owned());
        }
        answer
    }

    /// Takes a little while; now and then it fails.
    async fn stumbles(&self) -> bool {
        let pause = Duration::from_millis(5).mul_f64(1.0 + 9.0 * chance());
        tokio::time::sleep(pause).await;
        let fails = self.one_in > 0 && chance() * f64::from(self.one_in) < 1.0;
        self.faults.fetch_add(u64::from(fails), Ordering::Relaxed);
        fails
    }

    async fn act(&self, call: Call) -> Answer {
        let cloud = &self.provider;
        match call {
            Call::ImportDisk(source) => provided(cloud.import_disk(&source).await),
            Call::Disk(id) => provided(cloud.disk(&id).await),
            Call::DeleteDisk(id) => provided(cloud.delete_disk(&id).await),
            Call::Launch(launch) => provided(cloud.launch(&launch.spec()).await),
            Call::Machine(id) => provided(cloud.machine(&id).await),
            Call::Checkpoint(id, stage) => provided(cloud.checkpoint(&id, &stage).await),
            Call::Shutdown(id) => provided(cloud.shutdown(&id, Duration::ZERO).await),
            Call::Capture(id, spec) => provided(cloud.capture(&id, &spec, &|_| {}).await),
            Call::DeleteImage(id) => provided(cloud.delete_image(&id).await),
            Call::Destroy(id) => provided(cloud.destroy(&id).await),
            Call::Resources => provided(cloud.resources().await),
            other => self.act_registry(other).await,
        }
    }

    async fn act_registry(&self, call: Call) -> Answer {
        let registry = &self.registry;
        let name = |text: String| text.parse().expect("a repository");
        match call {
            Call::Resolve(repository, target) => {
                registered(registry.resolve(&name(repository), &target).await)
            }
            Call::Manifest(repository, digest) => {
                registered(registry.manifest(&name(repository), &digest).await)
            }
            Call::Blob(blob) => {
                let any = name("any/thing".to_owned());
                registered(registry.blob(&any, &blob, u64::MAX).await)
            }
            Call::Referrers(repository, digest, kind) => {
                let found = registry.referrers(&name(repository), &digest, &kind).await;
                registered(found)
            }
            Call::Push(repository, tag, pushed) => {
                let artifact = pushed.artifact();
                let (name, tag) = (name(repository), tag.as_deref());
                registered(registry.push(&name, tag, &artifact).await)
            }
            other => Answer::Refused(format!("nobody does {other:?}")),
        }
    }
}

impl Call {
    /// Whether it does more than look.
    fn changes(&self) -> bool {
        !matches!(
            self,
            Self::Disk(_)
                | Self::Machine(_)
                | Self::Resources
                | Self::Resolve(..)
                | Self::Manifest(..)
                | Self::Blob(_)
                | Self::Referrers(..)
        )
    }
}

impl Launch {
    fn spec(self) -> MachineSpec {
        MachineSpec {
            tags: self.tags,
            disk: self.disk,
            cpus: self.cpus,
            memory_bytes: self.memory_bytes,
            disk_size_bytes: self.disk_size_bytes,
            seed: Seed {
                instance_id: self.instance,
                hostname: "localhost".to_owned(),
                user: "nobody".to_owned(),
                ssh_authorized_key: String::new(),
                ssh_host_key: HostKey {
                    private: String::new(),
                    public: String::new(),
                },
                extra: None,
            },
            media: self.media,
            network: self.network,
        }
    }
}

impl Pushed {
    fn artifact(self) -> Artifact {
        let layers = self
            .layers
            .into_iter()
            .map(|(media_type, title, bytes)| Layer {
                media_type,
                title,
                content: Content::Bytes(bytes),
            });
        Artifact {
            artifact_type: self.artifact_type,
            config: self.config,
            layers: layers.collect(),
            subject: self.subject,
            annotations: self.annotations,
        }
    }
}

fn provided<T: Serialize>(done: Result<T, ProviderError>) -> Answer {
    match done {
        Ok(value) => Answer::Done(json!(value)),
        Err(error) => Answer::Refused(error.to_string()),
    }
}

fn registered<T: Serialize>(done: Result<T, RegistryError>) -> Answer {
    match done {
        Ok(value) => Answer::Done(json!(value)),
        Err(RegistryError::NotFound { what }) => Answer::Missing(what),
        Err(error) => Answer::Refused(error.to_string()),
    }
}
