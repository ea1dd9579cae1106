//! The image builder inside `packyard serve`: it reaches the registry over
//! HTTP like everybody else, with a credential that only this process knows. Only what a
//! name stands for it asks the store itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::StatusCode;
use imagebuilder_engine::MachineSize;
use imagebuilder_server::{BuilderConfig, StartError};
use registry_client::{Client, ClientOptions, Credential};
use registry_store::Store;
use service::Problem;
use service::collector::Collector;
use service::listener::Listener;
use service::metrics::Metrics;
use tokio::task::JoinHandle;

use super::Front;
use super::names::StoreNames;
use crate::error::CliError;
use crate::settings::Settings;

/// How long machines may take to be ended when the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(60);

/// Starts the builder; where it cannot work on this machine, its routes say why.
pub(super) async fn start(
    settings: &Settings,
    front: &Front,
    metrics: &Metrics,
    store: &Store,
) -> Result<(Router, Option<JoinHandle<()>>), CliError> {
    if !settings.builder.enabled {
        return Ok((
            absent("this server builds no images: builder.enabled is false".to_owned()),
            None,
        ));
    }
    let credential = front.authenticator.internal();
    let credential = Credential::Password {
        user: credential.user,
        password: credential.password,
    };
    let options = ClientOptions {
        trace: Some(traces::header),
        ..ClientOptions::new(own_address(&front.listener))
    };
    let client = Client::new(options.with_credential(Some(credential.clone())))?;
    let mut config = config(settings, client, Some(credential), &front.collector)?;
    config.names = Some(Arc::new(StoreNames(store.clone())));
    match imagebuilder_server::start(config, front.stop.clone()).await {
        Ok(builder) => {
            builder
                .register(metrics.registry())
                .map_err(|error| CliError::failed("cannot count builds").caused_by(&error))?;
            Ok((builder.router, Some(builder.task)))
        }
        // A registry is useful on a machine that cannot run QEMU.
        Err(error @ StartError::Provider { .. }) => {
            let mut why = error.to_string();
            if let Some(cause) = std::error::Error::source(&error) {
                let cause = cause.to_string();
                if !why.contains(&cause) {
                    why = format!("{why}: {cause}");
                }
            }
            tracing::warn!("no images can be built here: {why}");
            Ok((
                absent(format!("this server cannot build images: {why}")),
                None,
            ))
        }
        Err(error) => Err(CliError::failed("cannot start the image builder").caused_by(&error)),
    }
}

/// Waits until the builder has put its machines away.
pub(crate) async fn finish(task: JoinHandle<()>) {
    if tokio::time::timeout(FINISH_WITHIN, task).await.is_err() {
        tracing::warn!(
            "the image builder did not finish in time; the next start cleans up after it"
        );
    }
}

/// The builder's configuration, with this registry and the credential that it is asked with,
/// which no log may show.
pub(crate) fn config(
    settings: &Settings,
    registry: Client,
    credential: Option<Credential>,
    collector: &Collector,
) -> Result<BuilderConfig, CliError> {
    let builder = &settings.builder;
    let data = settings.server.data.join("builder");
    let mut config = BuilderConfig::new(data, venv(settings), registry);
    config.database = builder.database(&settings.registry)?;
    config.slots = builder.slots;
    config.limits = builder.bounds();
    config.machine = MachineSize {
        cpus: builder.machine_cpus,
        memory_mib: builder.machine_memory_bytes >> 20,
    };
    config.other_machines.clone_from(&builder.other_machines);
    config.boot_timeout_secs = builder.boot_timeout_secs;
    config.stage_timeout_secs = builder.stage_timeout_secs;
    config.machine_lifetime_secs = builder.machine_lifetime_secs;
    config.disk_size_bytes = builder.disk_size_bytes;
    config.stage_store_bytes = Some(builder.stage_store_bytes).filter(|limit| *limit > 0);
    config.keep_logs_days = builder.keep_logs_days;
    config.keep_logs_builds = builder.keep_logs_builds;
    config.webhooks = builder.webhooks()?;
    config.proxies = builder.proxies()?;
    config.reach.clone_from(&builder.reach);
    config.hidden = match credential {
        Some(Credential::Password { password, .. }) => vec![password],
        Some(Credential::Token(token)) => vec![token],
        None => Vec::new(),
    };
    config.hidden.extend(collector.hidden.iter().cloned());
    config.tracer = collector.tracer.clone();
    Ok(config)
}

/// The address by which this process reaches itself: an unspecified address is no target.
fn own_address(listener: &Listener) -> String {
    let address = listener.address();
    if !address.ip().is_unspecified() {
        return listener.url();
    }
    let scheme = if listener.url().starts_with("https") {
        "https"
    } else {
        "http"
    };
    match address.is_ipv4() {
        true => format!("{scheme}://127.0.0.1:{}", address.port()),
        false => format!("{scheme}://[::1]:{}", address.port()),
    }
}

fn venv(settings: &Settings) -> PathBuf {
    if let Some(venv) = &settings.builder.venv {
        return venv.clone();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("/var/cache"))
        .join("packyard/venv")
}

/// The builder's routes where there is no builder.
fn absent(why: String) -> Router {
    let answer = move || async move {
        Problem::new(StatusCode::NOT_IMPLEMENTED, "no-builder", why).with_remedy(
            "ask a server that builds images, or see to what is missing and start this one again",
        )
    };
    let mut routes = Router::new();
    for path in [
        "/api/v1/images",
        "/api/v1/images/{*rest}",
        "/api/v1/builds",
        "/api/v1/builds/{*rest}",
        "/api/v1/admin/workers",
        "/api/v1/admin/drain",
        "/api/v1/admin/reap",
    ] {
        routes = routes.route(path, any(answer.clone()));
    }
    routes
}
