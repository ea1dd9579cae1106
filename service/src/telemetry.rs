//! Logs: `tracing` to standard error, as text for people or JSON for machines.
//!
//! Standard output belongs to data and is never written to from here.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one. Remedy: write one such as `info,sqlx=warn`.
    #[error(
        "the log filter {filter:?} cannot be read; write a level such as info, or target=level pairs"
    )]
    Filter {
        /// What was configured.
        filter: String,
        /// What the parser said.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else in this process logs already.
    #[error("logging was set up twice")]
    Twice(#[from] TryInitError),
}

/// Starts logging for the rest of the process.
///
/// # Errors
/// When the filter cannot be read, or logging is set up already.
pub fn start(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.level).map_err(|source| TelemetryError::Filter {
        filter: config.level.clone(),
        source,
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    match config.format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init()?,
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .with_writer(std::io::stderr)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init()?,
    }
    Ok(())
}
