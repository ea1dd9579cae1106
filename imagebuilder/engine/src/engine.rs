//! The engine as its server sees it: ask for images, watch builds, stop.

use std::sync::{Arc, Mutex};

use imagebuilder_api::signature::{Difference, Signature, diff};
use imagebuilder_api::{
    BuildId, BuildState, BuildView, Chain, EnsureImage, EnsureImageAnswer, EventPage, ImageKind,
    ImageRecord, ImageState, Location,
};
use imagebuilder_provider::Provider;
use jiff::Timestamp;
use tokio::sync::{Notify, RwLock, broadcast};
use tokio_util::sync::CancellationToken;
use traces::{SpanKind, Tracer};

use crate::ansible::AnsibleRunner;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::host;
use crate::housekeeping;
use crate::images;
use crate::journal::{BuildRow, Here, Journal, NewBuild, Submitted};
use crate::lifecycle;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::resolve::{Pins, Resolved, Resolver, SecretStore};
use crate::spans::{TracedProvider, TracedRegistry};
use crate::ssh::{Shell, SystemShell};
use crate::stages::Verified;
use crate::steer::check_priority;
use crate::turns::Turns;
use crate::unwanted;
use crate::views;
use crate::worker::Worker;
use crate::workshop::Workshop;

/// The one region of providers that work on this host.
const LOCAL: &str = "local";

/// Makes images and answers for them.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shop: Arc<Workshop>,
    pub(crate) worker: Arc<Worker>,
}

impl Engine {
    /// Opens the journal below the data folder. Builds run once [`Engine::run`] does.
    pub async fn open(
        config: EngineConfig,
        provider: Arc<dyn Provider>,
        registry: Arc<dyn Registry>,
        ansible: Arc<dyn AnsibleRunner>,
    ) -> Result<Self, EngineError> {
        Self::assemble(config, provider, registry, ansible, Arc::new(SystemShell)).await
    }

    pub(crate) async fn assemble(
        config: EngineConfig,
        provider: Arc<dyn Provider>,
        registry: Arc<dyn Registry>,
        ansible: Arc<dyn AnsibleRunner>,
        shell: Arc<dyn Shell>,
    ) -> Result<Self, EngineError> {
        std::fs::create_dir_all(&config.data).map_err(|error| {
            EngineError::host(
                &format!("make the folder {}", config.data.display()),
                &error,
            )
        })?;
        // Programs are started in other folders.
        let config = EngineConfig {
            data: config.data.canonicalize().map_err(|error| {
                EngineError::host(&format!("open {}", config.data.display()), &error)
            })?,
            ..config
        };
        // Before the first request: later somebody may be unpacking.
        config.remove_unfinished();
        let host = host::name(&config.data)
            .map_err(|error| EngineError::host("name the data folder", &error))?;
        let here = Here {
            place: match provider.is_shared() {
                true => provider.name().to_owned(),
                false => host.clone(),
            },
            host,
        };
        let file = config.data.join("builder.db");
        let journal = Journal::open(&config.database, &file, here).await?;
        let key = config.data.join("secrets.key");
        let secrets = SecretStore::open(&key, &config.hidden.0)
            .map_err(|error| EngineError::host(&format!("read {}", key.display()), &error))?;
        let resolver = Resolver::new(&config.packs(), secrets, config.disk_size_bytes);
        let (provider, registry) = traced(&config.tracer, provider, registry);
        let shop = Arc::new(Workshop {
            config,
            journal,
            provider,
            registry,
            ansible,
            shell,
            resolver,
            stage_captured: Notify::new(),
            delivery_due: Notify::new(),
            metrics: Metrics::new(),
            choosing: RwLock::default(),
            fetching: Turns::default(),
            verified: Verified::default(),
            maskers: Mutex::default(),
            #[cfg(test)]
            trouble: crate::testing::Trouble::default(),
        });
        let worker = Arc::new(Worker::new(Arc::clone(&shop)));
        Ok(Self { shop, worker })
    }

    /// Takes over what a dead process left, then runs builds until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            self.worker.run(stop.clone()),
            housekeeping::keep(&self.shop, &stop)
        );
        self.shop.journal.close().await;
    }

    /// Adds what is counted here to what the server shows.
    ///
    /// # Errors
    /// Where it was added before.
    pub fn register(&self, registry: &prometheus::Registry) -> Result<(), prometheus::Error> {
        self.shop.metrics.register(registry)
    }

    /// The names of what is counted here.
    #[must_use]
    pub fn metric_names(&self) -> Vec<String> {
        self.shop.metrics.names()
    }

    /// "See to it that this image exists": the image, or the build that makes it.
    pub async fn ensure(&self, request: EnsureImage) -> Result<EnsureImageAnswer, EngineError> {
        let tracer = &self.shop.config.tracer;
        let mut span = tracer.enter("ensure image", SpanKind::Producer, traces::current());
        let answer = traces::within(span.context(), self.answer(request)).await;
        let word = match &answer {
            Ok(EnsureImageAnswer::Ready { .. }) => "ready",
            Ok(EnsureImageAnswer::Building { .. }) => "building",
            Err(EngineError::Input { .. }) => "refused",
            Err(_) => "failed",
        };
        self.shop.metrics.answered(word);
        span.set("packyard.outcome", word);
        if let Ok(EnsureImageAnswer::Building { build, .. }) = &answer {
            span.set("packyard.build", build.to_string());
        }
        span.end();
        answer
    }

    async fn answer(&self, request: EnsureImage) -> Result<EnsureImageAnswer, EngineError> {
        self.check(&request)?;
        let pins = Pins::default();
        let resolved = self.shop.resolve(&request, &pins).await?;
        let (Some(chain), Some(signature)) = (&resolved.chain, &resolved.signature) else {
            return Ok(EnsureImageAnswer::Ready {
                image: Box::new(self.referenced(&request, &resolved)),
                built: false,
            });
        };
        if request.fresh {
            // The same inputs would give the same image.
            lifecycle::refuse(&self.shop, signature).await?;
        } else if let Some(image) = images::find(&self.shop, &resolved, signature).await? {
            return Ok(EnsureImageAnswer::Ready {
                image: Box::new(image),
                built: false,
            });
        }
        let build = self.submit(&request, &pins, &resolved, chain).await?;
        Ok(EnsureImageAnswer::Building {
            build,
            signature: signature.clone(),
        })
    }

    async fn submit(
        &self,
        request: &EnsureImage,
        pins: &Pins,
        resolved: &Resolved,
        chain: &Chain,
    ) -> Result<BuildId, EngineError> {
        let encode = |value: serde_json::Result<String>| {
            value.map_err(|error| EngineError::Internal(error.to_string()))
        };
        let config = &self.shop.config;
        let deadline = request.deadline_secs.map(|secs| {
            let secs = i64::try_from(secs).unwrap_or(i64::MAX);
            let now = Timestamp::now().as_millisecond();
            now.saturating_add(secs.saturating_mul(1000))
        });
        let new = NewBuild {
            signature: chain.signature().to_string(),
            profile: resolved.profile.clone(),
            project: resolved.project.clone(),
            request: encode(serde_json::to_string(request))?,
            pins: encode(serde_json::to_string(pins))?,
            chain: encode(serde_json::to_string(chain))?,
            fresh: request.fresh,
            provider: request.provider.clone(),
            region: request.regions.first().cloned().unwrap_or_default(),
            size: config.machine.to_string(),
            priority: request.priority.into(),
            deadline,
            trace: traces::header(),
        };
        let most = config.limits.queued(&resolved.project);
        let build = match self.shop.journal.submit(&new, most).await? {
            Submitted::Created(build) | Submitted::Shared(build) => build,
            Submitted::Full => {
                let message = format!(
                    "project {} has {most} builds that have not ended, and may have no more; \
                     wait for some of them, cancel some, or have the quota raised",
                    resolved.project
                );
                return Err(EngineError::Quota { message });
            }
        };
        build
            .parse()
            .map_err(|error: imagebuilder_api::ParseIdError| {
                EngineError::Internal(error.to_string())
            })
    }

    fn check(&self, request: &EnsureImage) -> Result<(), EngineError> {
        check_priority(request.priority)?;
        let provider = self.shop.provider.name();
        if request.provider != provider {
            let message = format!(
                "this server has no provider {:?}; it has {provider}",
                request.provider
            );
            return Err(EngineError::Input {
                reason: "UnknownProvider".to_owned(),
                message,
            });
        }
        match request.regions.iter().find(|region| *region != LOCAL) {
            _ if request.regions.is_empty() => {
                let message = format!("no region is asked for; provider {provider} has {LOCAL}");
                Err(EngineError::Input {
                    reason: "UnknownRegion".to_owned(),
                    message,
                })
            }
            Some(region) => {
                let message =
                    format!("provider {provider} has no region {region:?}; it has {LOCAL}");
                Err(EngineError::Input {
                    reason: "UnknownRegion".to_owned(),
                    message,
                })
            }
            None => Ok(()),
        }
    }

    /// Nothing is built: the image that the OS pack names is used as it is.
    fn referenced(&self, request: &EnsureImage, resolved: &Resolved) -> ImageRecord {
        let base = &resolved.base;
        let id = format!("{}@{}", base.repository, base.manifest);
        ImageRecord {
            schema_version: ImageRecord::SCHEMA_VERSION,
            signature: None,
            state: ImageState::Captured,
            kind: ImageKind::Referenced,
            profile: resolved.profile.clone(),
            os_pack: resolved.os_pack().name.clone(),
            chain: None,
            locations: vec![Location {
                provider: request.provider.clone(),
                region: LOCAL.to_owned(),
                id,
                format: Some(self.shop.provider.facts().output_format.as_str().to_owned()),
                size_bytes: Some(base.disk.size_bytes),
            }],
            checks: Vec::new(),
            artifact: Some(imagebuilder_api::Artifact {
                repository: base.repository.to_string(),
                digest: base.manifest.clone(),
            }),
            build: None,
            created_at: Timestamp::now(),
        }
    }

    /// The images of this installation, by signature.
    pub async fn images(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<ImageRecord>, EngineError> {
        let rows = self.shop.journal.images(limit, last).await?;
        Ok(rows
            .iter()
            .map(|row| views::json("an image", &row.record))
            .collect::<Result<_, _>>()?)
    }

    /// One image, by its signature or by the beginning of it that is enough.
    pub async fn image(&self, signature: &str) -> Result<ImageRecord, EngineError> {
        let what = || format!("image {signature}");
        let hex = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if signature.len() < 6 || signature.len() > 64 || !hex(signature) {
            return Err(EngineError::NotFound { what: what() });
        }
        let mut rows = self.shop.journal.images_beginning(signature).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(views::json("an image", &row.record)?),
            (Some(_), false) => {
                let message =
                    format!("more than one image begins with {signature}; give more digits");
                Err(EngineError::Input {
                    reason: "AmbiguousSignature".to_owned(),
                    message,
                })
            }
            (None, _) => Err(EngineError::NotFound { what: what() }),
        }
    }

    /// The inputs of an image, or of a build that has not made it yet.
    pub async fn chain(&self, signature: &str) -> Result<Chain, EngineError> {
        match self.image(signature).await {
            Ok(record) => record.chain.ok_or_else(|| EngineError::NotFound {
                what: format!("the inputs of image {signature}"),
            }),
            Err(EngineError::NotFound { what }) => {
                match self.shop.journal.build_of(signature).await? {
                    Some(row) => Ok(views::json("a chain", &row.chain)?),
                    None => Err(EngineError::NotFound { what }),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// What makes two images differ.
    pub async fn diff(&self, left: &str, right: &str) -> Result<Vec<Difference>, EngineError> {
        Ok(diff(&self.chain(left).await?, &self.chain(right).await?))
    }

    /// Builds, newest first.
    pub async fn builds(
        &self,
        limit: u32,
        last: Option<&str>,
    ) -> Result<Vec<BuildView>, EngineError> {
        Ok(views::builds(&self.shop, limit, last).await?)
    }

    /// One build.
    pub async fn build(&self, id: &str) -> Result<BuildView, EngineError> {
        let missing = || EngineError::NotFound {
            what: format!("build {id}"),
        };
        views::build(&self.shop, id).await?.ok_or_else(missing)
    }

    /// Where a build stands, without the rest of it.
    pub async fn build_state(&self, id: &str) -> Result<BuildState, EngineError> {
        Ok(views::state(&self.row(id).await?)?)
    }

    /// Events of a build after a number, at most `limit` of them, and how many were dropped before.
    pub async fn events(&self, id: &str, after: u64, limit: u32) -> Result<EventPage, EngineError> {
        let events = views::events(&self.shop, id, after, limit).await?;
        Ok(EventPage::after(after, events))
    }

    /// Hears the id of each build that changes.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<String> {
        self.shop.journal.subscribe()
    }

    /// Asks for a build to be cancelled; it is when its state says so.
    pub async fn cancel(&self, id: &str) -> Result<BuildView, EngineError> {
        let view = self.build(id).await?;
        if !self.shop.journal.request_cancel(id).await? {
            let message = format!(
                "build {id} has ended ({}); there is nothing to cancel",
                view.state.as_str()
            );
            return Err(EngineError::Conflict { message });
        }
        if !self.worker.cancel(id) {
            unwanted::end(&self.shop).await?;
        }
        self.build(id).await
    }

    pub(crate) async fn row(&self, id: &str) -> Result<BuildRow, EngineError> {
        let missing = || EngineError::NotFound {
            what: format!("build {id}"),
        };
        self.shop.journal.build(id).await?.ok_or_else(missing)
    }

    /// How many builds wait and run, for metrics.
    pub async fn load(&self) -> Result<(usize, usize), EngineError> {
        let unfinished = self.shop.journal.unfinished().await?.len();
        let running = self.worker.running();
        Ok((unfinished.saturating_sub(running), running))
    }

    /// Parses a signature as the API takes it.
    pub fn signature(text: &str) -> Result<Signature, EngineError> {
        text.parse()
            .map_err(|error: imagebuilder_api::ParseIdError| EngineError::Input {
                reason: "BadSignature".to_owned(),
                message: error.to_string(),
            })
    }
}

/// Both as they are, or with a span for each call.
fn traced(
    tracer: &Tracer,
    provider: Arc<dyn Provider>,
    registry: Arc<dyn Registry>,
) -> (Arc<dyn Provider>, Arc<dyn Registry>) {
    if !tracer.is_on() {
        return (provider, registry);
    }
    let provider = TracedProvider {
        inner: provider,
        tracer: tracer.clone(),
    };
    let registry = TracedRegistry {
        inner: registry,
        tracer: tracer.clone(),
    };
    (Arc::new(provider), Arc::new(registry))
}
