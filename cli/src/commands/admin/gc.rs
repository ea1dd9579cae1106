//! `packyard admin gc`: asks the server to collect, and waits for the end.

use std::time::Duration;

use registry_client::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{size, table};

const PATH: &str = "api/v1/admin/gc";
const CALLED: &str = "the garbage collection";
/// How often the server is asked how it goes.
const PAUSE: Duration = Duration::from_millis(500);

/// Remove what nobody needs: blobs that no manifest names and whose lease ended, their
/// bytes after a grace period, forgotten uploads, and untagged manifests if the server is
/// configured so.
///
/// The server does it while it serves, and also by itself on a schedule. It may be
/// stopped at any time and goes on where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only count what would go.
    #[arg(long)]
    dry_run: bool,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
}

/// As the server tells it; the rest is shown as it came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    run: u64,
    running: bool,
    elsewhere: bool,
    failed: bool,
    removed: Removed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    uploads: u64,
    manifests: u64,
    rights: u64,
    blobs: u64,
    orphans: u64,
    freed_bytes: u64,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let body = json!({ "dryRun": args.dry_run });
    let mut answer: Value = api::post(&client, CALLED, PATH, &body).await?;
    let mut view = read(&answer)?;
    let begun = view.run;
    while view.running && !args.no_wait {
        tokio::time::sleep(PAUSE).await;
        (answer, view) = ask(&client).await?;
        if view.run != begun {
            return Err(CliError::failed(
                "the server began another collection meanwhile; the end of this one is in its log",
            ));
        }
    }
    if view.failed {
        return Err(CliError::failed("the garbage collection failed")
            .hint("the server's log has the cause; the next run goes on from there"));
    }
    context
        .output
        .answer(&answer, || text(&view, args.dry_run))?;
    if view.elsewhere {
        context
            .output
            .remark("another server on the same database is collecting; this one did nothing");
    }
    Ok(())
}

async fn ask(client: &Client) -> Result<(Value, View), CliError> {
    let answer: Value = api::get(client, CALLED, PATH).await?;
    let view = read(&answer)?;
    Ok((answer, view))
}

fn read(answer: &Value) -> Result<View, CliError> {
    View::deserialize(answer).map_err(|error| {
        CliError::failed("the server's answer about the garbage collection cannot be read")
            .caused_by(&error)
            .hint("is the server of the same version as this program? `packyard --version` tells yours")
    })
}

fn text(view: &View, dry_run: bool) -> String {
    let removed = &view.removed;
    let rows = [
        ("forgotten uploads", removed.uploads.to_string()),
        ("untagged manifests", removed.manifests.to_string()),
        ("unused rights to blobs", removed.rights.to_string()),
        ("blobs", removed.blobs.to_string()),
        ("orphaned objects", removed.orphans.to_string()),
        ("bytes", size(removed.freed_bytes)),
    ];
    let header = match (view.running, dry_run) {
        (_, true) => "would go",
        (true, false) => "gone so far",
        (false, false) => "gone",
    };
    table(
        ["what", header],
        rows.map(|(what, count)| [what.to_owned(), count]),
    )
}
