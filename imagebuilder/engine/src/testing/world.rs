//! Packs, a profile and a base image in a registry, and an engine over it all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use database::Database;
use imagebuilder_api::{BuildView, EnsureImage, EnsureImageAnswer};
use imagebuilder_provider::{FakeProvider, Provider, ResourceKind};
use registry_pack::{Digest, Limits, Pack, RepositoryName, archive, media};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::backoff::RetryPolicy;
use crate::build::Build;
use crate::config::EngineConfig;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::registry::{Artifact, Content, Layer, Registry as _};
use crate::testing::{MemoryRegistry, ScriptedAnsible, ScriptedShell};

/// The profile that [`World::new`] publishes.
pub(crate) const PROFILE: &str = "library/profiles/demo:1.0.0";
/// The bytes of the component `kubelet`.
pub(crate) const KUBELET: &[u8] = b"a kubelet";

/// The bytes of the base image's disk, where the provider looks into none.
const BASE: &[u8] = b"a disk";

/// Everything, on a folder that goes when it is dropped.
pub(crate) struct World<P: Provider = FakeProvider> {
    folder: TempDir,
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) ansible: Arc<ScriptedAnsible>,
    pub(crate) shell: Arc<ScriptedShell>,
    pub(crate) provider: Arc<P>,
    pub(crate) engine: Engine,
    database: Database,
    change: fn(&mut EngineConfig),
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl World {
    /// A world with a profile to build, and an engine that does not run yet.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let provider = FakeProvider::open(&folder.path().join("cloud")).expect("a fake cloud");
        Self::on(folder, provider, Database::Sqlite, |_| {}, BASE).await
    }

    /// The same with other settings.
    pub(crate) async fn with(change: fn(&mut EngineConfig)) -> Self {
        let mut world = Self::new().await;
        world.change = change;
        world.reopen().await;
        world
    }

    /// The same, with a journal and a cloud that other workers may share.
    #[cfg(test)]
    pub(crate) async fn shared() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let provider = FakeProvider::open(&folder.path().join("cloud")).expect("a fake cloud");
        let url = tests_postgres::Postgres::shared().database();
        let config = database::PostgresConfig::new(url.parse().expect("an address"));
        let database = Database::Postgres(config);
        Self::on(folder, provider.shared(), database, |_| {}, BASE).await
    }

    /// The same registry, Ansible and guest, on a host that has nothing yet.
    pub(crate) async fn another_host(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let provider =
            Arc::new(FakeProvider::open(&folder.path().join("cloud")).expect("a fake cloud"));
        let engine = self.parts(&provider).open(folder.path()).await;
        self.beside(folder, provider, engine)
    }
}

impl<P: Provider> World<P> {
    /// A world on any provider. A real one looks into the base image's disk.
    pub(crate) async fn on(
        folder: TempDir,
        provider: P,
        database: Database,
        change: fn(&mut EngineConfig),
        base: &[u8],
    ) -> Self {
        let registry = Arc::new(MemoryRegistry::default());
        let ansible = Arc::new(ScriptedAnsible::default());
        let shell = Arc::new(ScriptedShell::default());
        let provider = Arc::new(provider);
        let parts = Parts {
            registry: &registry,
            ansible: &ansible,
            shell: &shell,
            provider: &provider,
            database: &database,
            change,
        };
        let engine = parts.open(folder.path()).await;
        let world = Self {
            folder,
            registry,
            ansible,
            shell,
            provider,
            engine,
            database,
            change,
            running: None,
        };
        world.publish_base(base).await;
        world
            .publish_pack("os-demo", "os", "false", &[("base_role", "echo base")])
            .await;
        world.publish_kubernetes().await;
        world
            .publish_pack(
                "addon-demo",
                "addon",
                "false",
                &[("last_role", "echo last")],
            )
            .await;
        world
            .publish_profile(
                "demo",
                &[
                    ("os-demo", "os"),
                    ("kubernetes", "k8s"),
                    ("addon-demo", "addon"),
                ],
            )
            .await;
        world
    }

    /// Starts the worker.
    pub(crate) fn start(&mut self) {
        let stop = CancellationToken::new();
        let engine = self.engine.clone();
        let token = stop.clone();
        self.running = Some((stop, tokio::spawn(async move { engine.run(token).await })));
    }

    /// SIGTERM: stops the worker in order, then opens the data again as the next process would.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.reopen().await;
    }

    /// `kill -9`: the worker is gone between two awaits, and the next process opens the data.
    pub(crate) async fn crash(&mut self) {
        self.kill().await;
        self.reopen().await;
    }

    /// The same, and the next process opens the provider as well.
    #[cfg(test)]
    pub(crate) async fn crash_and_open(&mut self, open: impl AsyncFnOnce() -> P) {
        self.kill().await;
        self.provider = Arc::new(open().await);
        self.reopen().await;
    }

    async fn kill(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
            drop(task.await);
        }
    }

    async fn reopen(&mut self) {
        self.engine = self.parts(&self.provider).open(self.folder.path()).await;
    }

    fn parts<'a>(&'a self, provider: &'a Arc<P>) -> Parts<'a, P> {
        Parts {
            registry: &self.registry,
            ansible: &self.ansible,
            shell: &self.shell,
            provider,
            database: &self.database,
            change: self.change,
        }
    }

    pub(crate) async fn stop(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            stop.cancel();
            task.await.expect("the worker ends");
        }
    }

    /// Another worker on the same journal, cloud, registry, Ansible and guest.
    pub(crate) async fn another_worker(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine = self.parts(&self.provider).open(folder.path()).await;
        self.beside(folder, self.provider.clone(), engine)
    }

    fn beside(&self, folder: TempDir, provider: Arc<P>, engine: Engine) -> Self {
        Self {
            folder,
            registry: self.registry.clone(),
            ansible: self.ansible.clone(),
            shell: self.shell.clone(),
            provider,
            engine,
            database: self.database.clone(),
            change: self.change,
            running: None,
        }
    }

    /// Takes up the build that was asked for, without running it.
    pub(crate) async fn claim(&self) -> Build {
        let shop = &self.engine.shop;
        let claim = shop
            .journal
            .claim("test", "fake", &shop.config.limits)
            .await
            .expect("a claim")
            .expect("a build waits");
        let row = shop
            .journal
            .build(&claim.build)
            .await
            .expect("a row")
            .expect("the build is there");
        Build::load(shop.clone(), &row, &claim)
            .await
            .expect("a build")
    }

    /// Makes it later, for the leases of the shared journal.
    #[cfg(test)]
    pub(crate) fn let_leases_run_out(&self) {
        let Database::Postgres(config) = &self.database else {
            panic!("nobody shares this journal");
        };
        let url = config.url.to_string();
        let name = url.rsplit('/').next().expect("a name");
        tests_postgres::Postgres::shared()
            .run(name, "update leases set expires_at = 0")
            .expect("done");
    }

    /// Waits until the registry has every stage.
    pub(crate) async fn until_pushed(&self) {
        let journal = &self.engine.shop.journal;
        self.wait("stages to be pushed", async || {
            journal.unpushed_stage().await.expect("stages").is_none()
        })
        .await;
    }

    /// Waits until the trouble that was made has befallen its step.
    #[cfg(test)]
    pub(crate) async fn until_trouble(&self, about: &str) {
        self.wait(about, async || self.engine.shop.trouble.is_met())
            .await;
    }

    /// Waits until the reaper has removed everything.
    pub(crate) async fn until_empty(&self) {
        self.wait("the cloud to be empty", async || {
            self.left_over().await.is_empty()
        })
        .await;
    }

    async fn wait(&self, what: &str, done: impl AsyncFn() -> bool) {
        // A busy host emulates machines slowly.
        for _ in 0..2400 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited in vain for {what}");
    }

    /// A request for the image of another profile.
    pub(crate) fn request_for(&self, profile: &str) -> EnsureImage {
        EnsureImage {
            profile: profile.to_owned(),
            ..self.request()
        }
    }

    /// Publishes a profile whose last role is its own; answers with its reference.
    pub(crate) async fn publish_variant(&self, number: u64) -> String {
        let (addon, name) = (format!("addon-{number}"), format!("demo-{number}"));
        let task = format!("echo {number}");
        self.publish_pack(&addon, "addon", "false", &[("last_role", &task)])
            .await;
        let packs = [("os-demo", "os"), ("kubernetes", "k8s"), (&addon, "addon")];
        self.publish_profile(&name, &packs).await;
        format!("library/profiles/{name}:1.0.0")
    }

    /// Everything that the builder and its cloud keep.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens the data again with another configuration.
    pub(crate) async fn reconfigure(&mut self, change: impl FnOnce(&mut EngineConfig)) {
        self.stop().await;
        let mut config = self.parts(&self.provider).config(self.folder.path());
        change(&mut config);
        self.engine = self.parts(&self.provider).assemble(config).await;
    }

    pub(crate) fn request(&self) -> EnsureImage {
        EnsureImage {
            provider: self.provider.name().to_owned(),
            ..EnsureImage::of(PROFILE)
        }
    }

    /// Asks for the image; answers with the build that makes it.
    pub(crate) async fn ask(&self) -> Result<String, EngineError> {
        self.ask_for(self.request()).await
    }

    /// The same for another request.
    pub(crate) async fn ask_for(&self, request: EnsureImage) -> Result<String, EngineError> {
        match self.engine.ensure(request).await? {
            EnsureImageAnswer::Building { build, .. } => Ok(build.to_string()),
            EnsureImageAnswer::Ready { image, .. } => {
                panic!("the image is there already: {image:?}")
            }
        }
    }

    /// Waits until a build has ended.
    pub(crate) async fn ended(&self, build: &str) -> BuildView {
        self.until(build, |view| view.state.has_ended()).await
    }

    /// Waits until a build looks as wanted.
    pub(crate) async fn until(
        &self,
        build: &str,
        wanted: impl Fn(&BuildView) -> bool,
    ) -> BuildView {
        let mut changes = self.engine.subscribe();
        let waiting = async {
            loop {
                let view = self.engine.build(build).await.expect("the build is there");
                if wanted(&view) {
                    return view;
                }
                // Some changes are not announced, such as a heartbeat's.
                drop(tokio::time::timeout(Duration::from_millis(200), changes.recv()).await);
            }
        };
        match tokio::time::timeout(Duration::from_secs(300), waiting).await {
            Ok(view) => view,
            Err(_) => panic!("waited in vain: {:#?}", self.engine.build(build).await),
        }
    }

    /// Nothing is left at the provider, and no row says that something may be. What a crash
    /// left, the reaper removes a moment after its build.
    pub(crate) async fn expect_nothing_left(&self, about: &str) {
        let mut left = Vec::new();
        for _ in 0..600 {
            left = self.left_over().await;
            let rows = self.engine.shop.journal.live_resources().await;
            left.extend(rows.expect("rows").into_iter().map(|row| row.intent));
            if left.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{about}: left behind, or rows left open: {left:?}");
    }

    /// What the provider holds, without the stages and the base image, which are kept on purpose.
    pub(crate) async fn left_over(&self) -> Vec<String> {
        let kept: Vec<String> = self
            .engine
            .shop
            .journal
            .stages()
            .await
            .expect("stages")
            .into_iter()
            .map(|one| one.disk)
            .collect();
        let held = self.provider.resources().await.expect("resources");
        held.into_iter()
            .filter(|one| one.kind != ResourceKind::Disk || !kept.contains(&one.id))
            .map(|one| format!("{:?} {}", one.kind, one.id))
            .collect()
    }

    async fn push(
        &self,
        repository: &str,
        tag: Option<&str>,
        artifact: &Artifact,
    ) -> crate::registry::Descriptor {
        let repository: RepositoryName = repository.parse().expect("a repository");
        self.registry
            .push(&repository, tag, artifact)
            .await
            .expect("pushed")
    }

    async fn publish_base(&self, disk: &[u8]) {
        let config = json!({"schemaVersion": 1, "name": "demo", "architecture": "amd64", "firmware": "bios",
            "format": "qcow2", "virtualSizeBytes": 1 << 30, "osName": "debian", "osVersion": "13", "sshUsername": "debian"});
        let base = artifact(
            media::BASE_IMAGE,
            media::BASE_IMAGE_CONFIG,
            &config,
            vec![layer(media::DISK_QCOW2, "disk.qcow2", disk)],
        );
        self.push("library/images/base/demo", Some("1"), &base)
            .await;
    }

    /// Publishes a pack with roles; each role has one task with this text.
    pub(crate) async fn publish_pack(
        &self,
        name: &str,
        kind: &str,
        skip: &str,
        roles: &[(&str, &str)],
    ) {
        self.publish_pack_with(name, kind, skip, roles, json!({}), "")
            .await;
    }

    /// The same, with more annotations and a `values.yaml`.
    pub(crate) async fn publish_pack_with(
        &self,
        name: &str,
        kind: &str,
        skip: &str,
        roles: &[(&str, &str)],
        annotations: Value,
        values: &str,
    ) {
        let root = self.pack_folder(name);
        if !values.is_empty() {
            write(&root.join("values.yaml"), values.as_bytes());
        }
        let names: Vec<&str> = roles.iter().map(|(name, _)| *name).collect();
        let mut manifest = json!({"name": name, "version": "1.0.0", "displayName": name, "layer": kind, "cloudTypes": ["all"],
            "annotations": {"imageId": "images/base/demo:1", "skipK8sInstall": skip}, "ansibleRoles": names});
        for (key, value) in annotations.as_object().into_iter().flatten() {
            manifest["annotations"][key] = value.clone();
        }
        write(&root.join("pack.json"), manifest.to_string().as_bytes());
        for (role, task) in roles {
            let tasks = format!("- name: Do it\n  ansible.builtin.command: {task}\n");
            write(&root.join(role).join("tasks/main.yml"), tasks.as_bytes());
        }
        self.publish_folder(&root).await;
    }

    pub(crate) async fn publish_kubernetes(&self) {
        let root = self.pack_folder("kubernetes");
        let manifest = json!({"name": "kubernetes", "version": "1.0.0", "displayName": "Kubernetes", "layer": "k8s", "cloudTypes": ["all"], "annotations": {}});
        write(&root.join("pack.json"), manifest.to_string().as_bytes());
        let component = |name: &str, bytes: &[u8], purpose: &str| {
            json!({"name": name, "version": "1.0.0", "kind": "binary", "file": name, "sha256": Digest::sha256(bytes).hex(),
                "sources": ["bundle"], "install": format!("/usr/bin/{name}"), "purpose": purpose})
        };
        let components = [
            component("kubelet", KUBELET, "install"),
            component("kube-bench", b"a bench", "tool"),
        ];
        write(
            &root.join("components.yaml"),
            json!({"schemaVersion": 1, "components": components})
                .to_string()
                .as_bytes(),
        );
        let pack = self.publish_folder(&root).await;
        let entry = |name: &str, bytes: &[u8], purpose: &str| {
            json!({"name": name, "version": "1.0.0", "kind": "binary", "file": name, "sha256": Digest::sha256(bytes).hex(),
                "sizeBytes": bytes.len(), "purpose": purpose, "install": format!("/usr/bin/{name}")})
        };
        let config = json!({"schemaVersion": 1, "architecture": "amd64",
            "components": [entry("kubelet", KUBELET, "install"), entry("kube-bench", b"a bench", "tool")]});
        let layers = vec![
            layer(media::BUNDLE_FILE, "kubelet", KUBELET),
            layer(media::BUNDLE_FILE, "kube-bench", b"a bench"),
        ];
        let bundle = Artifact {
            subject: Some(pack),
            ..artifact(media::BUNDLE, media::BUNDLE_CONFIG, &config, layers)
        };
        self.push("library/spectro-packs/archive/kubernetes", None, &bundle)
            .await;
    }

    /// Publishes a profile of packs in version 1.0.0.
    pub(crate) async fn publish_profile(&self, name: &str, packs: &[(&str, &str)]) {
        self.publish_profile_with(name, packs, json!([])).await;
    }

    /// The same, with variables.
    pub(crate) async fn publish_profile_with(
        &self,
        name: &str,
        packs: &[(&str, &str)],
        variables: Value,
    ) {
        let packs: Vec<Value> = packs
            .iter()
            .map(|(name, layer)| json!({"name": name, "layer": layer, "version": "1.0.0", "tag": "1.0.0", "type": "oci"}))
            .collect();
        let profile = json!({"metadata": {"name": name}, "spec": {"version": "1.0.0",
            "template": {"type": "cluster", "cloudType": "all", "packs": packs}, "variables": variables}});
        let text = profile.to_string();
        let made = artifact(
            media::PROFILE,
            media::EMPTY_CONFIG,
            &json!({}),
            vec![layer(media::PROFILE_LAYER, "profile.json", text.as_bytes())],
        );
        self.push(&format!("library/profiles/{name}"), Some("1.0.0"), &made)
            .await;
    }

    fn pack_folder(&self, name: &str) -> PathBuf {
        let root = self.folder.path().join("sources").join(name);
        drop(std::fs::remove_dir_all(&root));
        root
    }

    async fn publish_folder(&self, root: &Path) -> crate::registry::Descriptor {
        let pack = Pack::open(root, &Limits::default()).expect("a pack");
        let mut bytes = Vec::new();
        archive::write(&pack, &mut bytes).expect("an archive");
        let title = format!("{}.tar.gz", pack.folder_name());
        let made = artifact(
            media::UNKNOWN_ARTIFACT,
            media::PACK_CONFIG,
            &json!({}),
            vec![layer(media::PACK_LAYER, &title, &bytes)],
        );
        let repository = format!("library/spectro-packs/archive/{}", pack.manifest.name);
        self.push(&repository, Some(pack.manifest.version.as_str()), &made)
            .await
    }
}

/// What an engine is made of.
struct Parts<'a, P> {
    registry: &'a Arc<MemoryRegistry>,
    ansible: &'a Arc<ScriptedAnsible>,
    shell: &'a Arc<ScriptedShell>,
    provider: &'a Arc<P>,
    database: &'a Database,
    change: fn(&mut EngineConfig),
}

impl<P: Provider> Parts<'_, P> {
    async fn open(&self, folder: &Path) -> Engine {
        self.assemble(self.config(folder)).await
    }

    fn config(&self, folder: &Path) -> EngineConfig {
        let mut config = EngineConfig {
            database: self.database.clone(),
            boot_timeout: Duration::from_millis(300),
            retry: RetryPolicy {
                first: Duration::from_millis(1),
                longest: Duration::from_millis(20),
                total: Duration::from_millis(200),
                wait: Duration::from_millis(400),
                machines: 2,
            },
            ..EngineConfig::new(folder.join("builder"), folder.join("venv"))
        };
        (self.change)(&mut config);
        config
    }

    async fn assemble(&self, config: EngineConfig) -> Engine {
        Engine::assemble(
            config,
            self.provider.clone(),
            self.registry.clone(),
            self.ansible.clone(),
            self.shell.clone(),
        )
        .await
        .expect("an engine")
    }
}

fn artifact(kind: &str, config_type: &str, config: &Value, layers: Vec<Layer>) -> Artifact {
    Artifact {
        artifact_type: kind.to_owned(),
        config: (config_type.to_owned(), config.to_string().into_bytes()),
        layers,
        subject: None,
        annotations: Vec::new(),
    }
}

fn layer(media_type: &str, title: &str, bytes: &[u8]) -> Layer {
    Layer {
        media_type: media_type.to_owned(),
        title: title.to_owned(),
        content: Content::Bytes(bytes.to_vec()),
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}
