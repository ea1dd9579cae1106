//! What every server of ours begins with: its log, its signals, who may come in, its folder,
//! its port.

use registry_store::DataLock;
use service::collector::Collector;
use service::listener::Listener;
use service::{Authenticator, CancellationToken, Gate, shutdown_token, telemetry};

use super::failures;
use crate::error::CliError;
use crate::settings::Settings;

/// A port that is open, and what stands before whatever is served on it.
pub(crate) struct Front {
    /// Cancelled by SIGTERM and Ctrl-C.
    pub(crate) stop: CancellationToken,
    pub(crate) authenticator: Authenticator,
    pub(crate) gate: Gate,
    pub(crate) listener: Listener,
    /// Where traces go.
    pub(crate) collector: Collector,
    /// The data folder is this process's alone.
    _lock: DataLock,
}

impl Front {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, CliError> {
        telemetry::start(&settings.log).map_err(|error| CliError::usage(error.to_string()))?;
        let read = |name: &str| std::env::var(name).ok();
        let collector = Collector::start(&settings.traces, read, env!("CARGO_PKG_VERSION"))
            .map_err(|error| failures::collector(&error))?;
        let stop = shutdown_token()
            .map_err(|error| CliError::failed("cannot listen for signals").caused_by(&error))?;
        let authenticator =
            Authenticator::new(&settings.auth).map_err(|error| failures::users(&error))?;
        let gate = Gate::new(&settings.server, authenticator.clone())
            .map_err(|error| failures::address(&error))?;
        let lock = DataLock::acquire(&settings.server.data)
            .map_err(|error| failures::store(&error, &settings.server.data))?;
        let listener = Listener::bind(&settings.server)
            .await
            .map_err(|error| failures::listen(&error))?;
        Ok(Self {
            stop,
            authenticator,
            gate,
            listener,
            collector,
            _lock: lock,
        })
    }
}
