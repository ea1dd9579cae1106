//! `packyard admin backup`.

use std::path::PathBuf;

use registry_store::backup::{Source, backup};
use serde_json::json;

use super::super::serve::failures;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;
use crate::settings::Settings;

/// Save a registry while it serves.
///
/// Run it on the machine of the server, as its user. It copies the database as it is at one
/// moment, and every blob that it names; pushes go on. Blobs are linked where the backup is
/// on the same disk, and copied elsewhere: keep one backup on another disk. A folder that
/// holds an earlier backup is brought up to date. Where blobs are in an object store, the
/// database alone is saved.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder for the backup: empty, or an earlier backup.
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Copy, and never link.
    #[arg(long)]
    copy: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let settings = Settings::load(args.config.as_deref())?;
    let folder = args
        .data
        .unwrap_or(settings.server.data.clone())
        .join("registry");
    let storage = settings.storage.to_config()?;
    let source = Source {
        folder: &folder,
        storage: &storage,
        copy: args.copy,
    };
    let made = backup(&source, &args.target)
        .await
        .map_err(|error| failures::store(&error, &folder))?;
    let answer = json!({
        "folder": args.target,
        "takenAt": made.taken_at,
        "withBlobs": made.with_blobs,
        "blobs": made.blobs,
        "bytes": made.bytes,
        "added": made.added,
        "missing": made.missing,
    });
    context.output.answer(&answer, || match made.with_blobs {
        true => format!(
            "{} holds {} blobs, {}; {} of them are new",
            args.target.display(),
            made.blobs,
            size(made.bytes),
            made.added
        ),
        false => format!(
            "{} holds the database; its blobs are in the object store",
            args.target.display()
        ),
    })?;
    match made.missing.len() {
        0 => Ok(()),
        missing => Err(CliError::failed(format!(
            "the registry has lost the bytes of {missing} blobs; all else is saved"
        ))
        .hint("`packyard admin fsck` says who is hit")),
    }
}
