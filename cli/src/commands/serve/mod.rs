//! `packyard serve`: the registry and the image builder in one process.

pub(crate) mod builder;
pub(crate) mod failures;
mod front;
mod names;
mod openapi;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use registry_server::{RegistryConfig, RegistryState};
use service::health::{self, Readiness};
use service::metrics::{self, Metrics};
use service::traced::{self, Traced};
use service::{CancellationToken, Gate, gate};
use traces::Tracer;

pub(crate) use self::front::Front;
use crate::error::CliError;
use crate::output::print;
use crate::settings::Settings;

/// Start the registry and the image builder in one process.
///
/// Without configuration it listens on this machine only, keeps everything in one
/// folder, and needs no other program for the registry; to build images it needs
/// QEMU and Ansible. Once it accepts requests it prints one line, `ready URL`.
/// SIGTERM and Ctrl-C finish what is in flight; a second one ends it at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A TOML file; `packyard config reference` lists its keys.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on, IP:PORT; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The folder that keeps everything.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Serve other machines without authentication or without TLS.
    #[arg(long)]
    insecure: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), CliError> {
    let settings = settings(args)?;
    let front = Front::open(&settings).await?;
    let (stop, listener) = (&front.stop, &front.listener);
    let tracer = front.collector.tracer.clone();
    let registry = open_registry(&settings).await?;
    let maintenance = tokio::spawn(maintain(registry.clone(), stop.clone()));
    let metrics = Metrics::new()
        .and_then(|metrics| registry.register(metrics.registry()).map(|()| metrics))
        .and_then(|metrics| tracer.register(metrics.registry()).map(|()| metrics))
        .map_err(|error| CliError::failed("cannot count requests").caused_by(&error))?;
    let (builder_routes, builder) =
        builder::start(&settings, &front, &metrics, registry.store()).await?;
    let readiness = Readiness::new(stop.clone());
    let routes = registry_server::router(registry.clone())
        .merge(builder_routes)
        .merge(openapi::router())
        .merge(health::router(readiness.clone(), metrics.clone()));
    let routes = guarded(routes, front.gate, metrics, tracer);

    print(&format!("ready {}", listener.url()))?;
    readiness.set_ready();
    // The builder talks to this very server: it ends first, the server last.
    let serving = CancellationToken::new();
    let server = tokio::spawn(front.listener.serve(routes, serving.clone()));
    front.stop.cancelled().await;
    if let Some(task) = builder {
        builder::finish(task).await;
    }
    serving.cancel();
    drop(server.await);
    drop(maintenance.await);
    registry.close().await;
    front.collector.finish().await;
    tracing::info!("stopped");
    Ok(())
}

/// The configuration, with what the command line says over it.
pub(crate) fn settings(args: Args) -> Result<Settings, CliError> {
    let mut settings = Settings::load(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        settings.server.listen = listen;
    }
    if let Some(data) = args.data {
        settings.server.data = data;
    }
    settings.server.insecure |= args.insecure;
    let server = &settings.server;
    if server.tls_certificate.is_some() != server.tls_key.is_some() {
        return Err(CliError::usage(
            "server.tls_certificate and server.tls_key belong together; only one is set",
        ));
    }
    // Everything below is given to other programs too, whose folder is another.
    settings.server.data = std::path::absolute(&settings.server.data)
        .map_err(|error| CliError::io("use the data folder", &settings.server.data, &error))?;
    Ok(settings)
}

async fn open_registry(settings: &Settings) -> Result<RegistryState, CliError> {
    let folder = settings.server.data.join("registry");
    let mut config = RegistryConfig::new(&folder);
    config.admission = settings.registry.admission.into();
    config.immutable_packs = settings.registry.immutable_packs;
    config.allow_delete = settings.registry.allow_delete;
    config.allow_missing_references = settings.registry.allow_missing_references;
    config.max_blob_bytes = settings.registry.max_blob_bytes;
    config.database = settings.registry.database()?;
    config.blob_lease = Duration::from_secs(settings.registry.blob_lease_secs);
    config.upload_lifetime = Duration::from_secs(settings.registry.upload_lifetime_secs);
    config.collection = settings.registry.collection();
    config.collection_interval = match settings.registry.gc_interval_secs {
        0 => None,
        secs => Some(Duration::from_secs(secs)),
    };
    config.redirect = settings.registry.redirect;
    config.storage = settings.storage.to_config()?;
    RegistryState::open(config)
        .await
        .map_err(|error| failures::store(&error, &folder))
}

async fn maintain(registry: RegistryState, stop: CancellationToken) {
    tokio::select! {
        () = registry.maintain() => {}
        () = stop.cancelled() => {}
    }
}

pub(crate) fn guarded(routes: Router, gate: Gate, metrics: Metrics, tracer: Tracer) -> Router {
    let routes = routes
        .layer(from_fn_with_state(gate, gate::guard))
        .layer(from_fn_with_state(metrics, metrics::count));
    // A layer that does nothing costs something too.
    if !tracer.is_on() {
        return routes;
    }
    let route = registry_server::route;
    routes.layer(from_fn_with_state(Traced { tracer, route }, traced::trace))
}
