//! `packyard admin restore`.

use std::path::PathBuf;

use registry_store::DataLock;
use registry_store::backup::restore;
use serde_json::json;

use super::super::serve::failures;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;
use crate::settings::Settings;

/// Bring a saved registry back.
///
/// No server may run on the data folder, and it may hold no registry. Every blob is hashed on
/// the way; one that is damaged in the backup is left out and told. Nothing is in its place
/// before everything is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup.
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let settings = Settings::load(args.config.as_deref())?;
    let data = args.data.unwrap_or(settings.server.data);
    let _lock = DataLock::acquire(&data).map_err(|error| failures::store(&error, &data))?;
    let folder = data.join("registry");
    let restored = restore(&args.backup, &folder)
        .await
        .map_err(|error| failures::store(&error, &folder))?;
    let answer = json!({
        "folder": folder,
        "takenAt": restored.backup.taken_at,
        "withBlobs": restored.backup.with_blobs,
        "blobs": restored.backup.blobs,
        "bytes": restored.backup.bytes,
        "damaged": restored.damaged,
    });
    context.output.answer(&answer, || {
        format!(
            "{} is as it was at {}: {} blobs, {}",
            folder.display(),
            restored.backup.taken_at,
            restored.backup.blobs,
            size(restored.backup.bytes)
        )
    })?;
    match restored.damaged.len() {
        0 => Ok(()),
        damaged => Err(CliError::failed(format!(
            "{damaged} blobs are damaged in the backup; all else is back"
        ))
        .hint("start the server and run `packyard admin fsck`: it says who is hit, and --repair-from fetches them")),
    }
}
