//! `packyard builder serve`: the image builder alone, on a registry that is elsewhere.

use service::CancellationToken;
use service::health::{self, Readiness};
use service::metrics::Metrics;

use crate::commands::serve::{self, Front, builder};
use crate::context::{connect_through, credential};
use crate::error::CliError;
use crate::output::print;

/// Start the image builder without a registry.
///
/// `builder.registry` names the registry, and credentials for it are found as `packyard
/// login` leaves them. Several builders whose `builder.database` names the same PostgreSQL
/// work on one queue: each answers for all builds. SIGTERM gives the builds that run back to
/// the queue, where another builder takes them up.
#[derive(Debug, clap::Args)]
#[group(id = "builder")]
pub(crate) struct Args {
    #[command(flatten)]
    server: serve::Args,
}

pub(crate) async fn run(args: Args) -> Result<(), CliError> {
    let settings = serve::settings(args.server)?;
    let address = settings.builder.registry.as_deref().ok_or_else(|| {
        CliError::usage("builder.registry is not set: the builder has nowhere to take packs from")
            .hint("set it in the configuration, or PACKYARD_BUILDER_REGISTRY in the environment")
    })?;
    let client = connect_through(address, settings.builder.proxies()?).await?;
    let front = Front::open(&settings).await?;
    let tracer = front.collector.tracer.clone();
    let credential = credential(address).await?;
    let config = builder::config(&settings, client, credential, &front.collector)?;
    let builder = imagebuilder_server::start(config, front.stop.clone())
        .await
        .map_err(|error| CliError::failed("cannot start the image builder").caused_by(&error))?;
    let readiness = Readiness::new(front.stop.clone());
    let metrics = Metrics::new()
        .and_then(|metrics| builder.register(metrics.registry()).map(|()| metrics))
        .and_then(|metrics| tracer.register(metrics.registry()).map(|()| metrics))
        .map_err(|error| CliError::failed("cannot count requests").caused_by(&error))?;
    let routes = builder
        .router
        .merge(health::router(readiness.clone(), metrics.clone()));
    let routes = serve::guarded(routes, front.gate, metrics, tracer);

    print(&format!("ready {}", front.listener.url()))?;
    readiness.set_ready();
    let serving = CancellationToken::new();
    let server = tokio::spawn(front.listener.serve(routes, serving.clone()));
    front.stop.cancelled().await;
    builder::finish(builder.task).await;
    serving.cancel();
    drop(server.await);
    front.collector.finish().await;
    tracing::info!("stopped");
    Ok(())
}
