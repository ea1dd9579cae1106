//! Puts the builder together: QEMU, registry, Ansible, engine, routes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imagebuilder_engine::{Engine, EngineError, HttpRegistry, VenvRunner};
use imagebuilder_provider::ProviderError;
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};
use prometheus::Registry;
use service::outbound::OutboundError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::BuilderConfig;
use crate::router::router;
use crate::webhooks;

/// A started builder.
pub struct Builder {
    /// `/api/v1/images` and `/api/v1/builds`.
    pub router: axum::Router,
    /// Ends after the token given to [`start`]: by then machines are destroyed and unfinished builds are queued.
    pub task: JoinHandle<()>,
    engine: Engine,
}

impl Builder {
    /// Adds what is counted here to what the server shows.
    ///
    /// # Errors
    /// Where it was added before.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.engine.register(registry)
    }
}

/// Why the builder does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// QEMU is not usable.
    #[error("cannot use QEMU: {source}; {}", source.hint())]
    Provider {
        /// What is wrong.
        source: ProviderError,
    },
    /// A path means nothing here.
    #[error("cannot use the path {}", path.display())]
    Folder {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// No client for webhooks can be made.
    #[error("cannot tell webhooks anything")]
    Webhooks(#[source] OutboundError),
    /// The engine cannot open its data.
    #[error("cannot open the builder's data in {}", data.display())]
    Engine {
        /// The folder.
        data: PathBuf,
        /// What is wrong.
        source: EngineError,
    },
}

/// Opens the builder and starts its worker. The registry need not answer yet.
pub async fn start(config: BuilderConfig, stop: CancellationToken) -> Result<Builder, StartError> {
    // QEMU and Ansible run in folders of their own: a relative path would mean another place there.
    let config = BuilderConfig {
        data: absolute(&config.data)?,
        venv: absolute(&config.venv)?,
        ..config
    };
    let provider = QemuProvider::open(QemuConfig::new(&config.data))
        .await
        .map_err(|source| StartError::Provider { source })?;
    let ansible = VenvRunner::new(config.venv.clone(), config.data.join("ansible"));
    let registry = HttpRegistry::new(config.registry.clone()).with_names(config.names.clone());
    let engine = Engine::open(
        config.engine(),
        Arc::new(provider),
        Arc::new(registry),
        Arc::new(ansible),
    )
    .await
    .map_err(|source| StartError::Engine {
        data: config.data.clone(),
        source,
    })?;
    let router = router(engine.clone(), stop.clone());
    if let Some(webhooks) = config.webhooks.filter(|webhooks| !webhooks.urls.is_empty()) {
        let outbound = webhooks::open(&webhooks, config.proxies).map_err(StartError::Webhooks)?;
        let telling = webhooks::tell(engine.clone(), webhooks, outbound, stop.clone());
        tokio::spawn(telling);
    }
    let running = engine.clone();
    let task = tokio::spawn(async move { running.run(stop).await });
    Ok(Builder {
        router,
        task,
        engine,
    })
}

fn absolute(path: &Path) -> Result<PathBuf, StartError> {
    std::path::absolute(path).map_err(|source| StartError::Folder {
        path: path.to_owned(),
        source,
    })
}
