//! `packyard build logs`.

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use registry_client::Progress as _;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{called, path};
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Logs larger than this are not fetched.
const MAX_BYTES: u64 = 4 << 30;

/// Fetch the logs of a build, one zip file.
///
/// It holds the events, Ansible's output, the machine's console, the kube-bench
/// report and a list of the inputs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
    /// The file to write; ID.zip when it is left out.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let what = called(&args.id);
    let response = client
        .request(&what, Method::GET, &path(&args.id, "/logs"), |request| {
            request
        })
        .await?;
    let file = args
        .output
        .unwrap_or_else(|| PathBuf::from(format!("{}.zip", args.id)));
    let total = response.content_length().unwrap_or(0);
    let transfer = context
        .progress()
        .transfer(&file.display().to_string(), total);
    let part = file.with_extension("part");
    let written = write(response, &part, &*transfer).await;
    let bytes = match written {
        Ok(bytes) => bytes,
        Err(error) => {
            drop(tokio::fs::remove_file(&part).await);
            return Err(error);
        }
    };
    tokio::fs::rename(&part, &file)
        .await
        .map_err(|error| CliError::io("write", &file, &error))?;
    context
        .output
        .answer(&json!({"file": file, "size": bytes}), || {
            format!("{}  {}", file.display(), size(bytes))
        })
}

async fn write(
    response: reqwest::Response,
    part: &Path,
    transfer: &dyn registry_client::Transfer,
) -> Result<u64, CliError> {
    let mut file = tokio::fs::File::create(part)
        .await
        .map_err(|error| CliError::io("write", part, &error))?;
    let (mut stream, mut seen) = (response.bytes_stream(), 0);
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| {
            CliError::failed("the logs were cut off")
                .caused_by(&error)
                .hint("run it again")
        })?;
        seen += piece.len() as u64;
        if seen > MAX_BYTES {
            return Err(CliError::failed(format!(
                "the logs are larger than {}",
                size(MAX_BYTES)
            )));
        }
        file.write_all(&piece)
            .await
            .map_err(|error| CliError::io("write", part, &error))?;
        transfer.position(seen);
    }
    file.flush()
        .await
        .map_err(|error| CliError::io("write", part, &error))?;
    Ok(seen)
}
