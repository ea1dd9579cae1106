//! `packyard admin fsck`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{size, table, text};

const PATH: &str = "api/v1/admin/fsck";
const WHAT: &str = "the check of stored bytes";
/// How often the server is asked how far it is.
const ASK: Duration = Duration::from_millis(500);

/// Check that all stored bytes are what they should be.
///
/// The server reads and hashes every blob while it serves. What is damaged or gone is no
/// longer given out, so that clients push it again, and is told with the repositories,
/// manifests and tags that it hits; a damaged file is moved aside. Ctrl-C leaves the check
/// running; call this again to watch it. A check that was cut off goes on where it was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read at most so many bytes in a second, so that pulls are not slowed down.
    #[arg(long, value_name = "BYTES")]
    rate: Option<u64>,
    /// Begin anew, also when an earlier check was cut off.
    #[arg(long)]
    restart: bool,
    /// Fetch damaged blobs from this registry, which has the same repositories.
    #[arg(long, value_name = "URL")]
    repair_from: Option<String>,
    /// Begin, and do not wait for the end.
    #[arg(long, conflicts_with = "status")]
    no_wait: bool,
    /// Tell what the check that ran last found, and begin none.
    #[arg(long)]
    status: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let mut report: Value = match args.status {
        true => api::get(&client, WHAT, PATH).await?,
        false => {
            let wish = json!({
                "rate": args.rate,
                "restart": args.restart,
                "repairFrom": args.repair_from,
            });
            api::post(&client, WHAT, PATH, &wish).await?
        }
    };
    if !args.no_wait && !args.status {
        let mut told = String::new();
        while text(&report, "/state") == "running" {
            let line = progress(&report);
            if line != told {
                context.output.remark(&line);
                told = line;
            }
            tokio::time::sleep(ASK).await;
            report = api::get(&client, WHAT, PATH).await?;
        }
    }
    context.output.answer(&report, || shown(&report))?;
    verdict(&report)
}

/// Damage that is still there is a failure, whenever it was found.
fn verdict(report: &Value) -> Result<(), CliError> {
    match text(report, "/state").as_str() {
        "failed" => Err(
            CliError::failed(format!("the check failed: {}", text(report, "/error")))
                .hint("it goes on from there when it is begun again"),
        ),
        _ => match damaged(report)
            .filter(|damage| !is_repaired(damage))
            .count()
        {
            0 => Ok(()),
            1 => Err(CliError::failed("1 blob is damaged").hint(REMEDY)),
            many => Err(CliError::failed(format!("{many} blobs are damaged")).hint(REMEDY)),
        },
    }
}

const REMEDY: &str =
    "push the same content again, or fetch it from a registry that has it: --repair-from URL";

fn damaged(report: &Value) -> impl Iterator<Item = &Value> {
    let list = report.get("damage").and_then(Value::as_array);
    list.into_iter().flatten()
}

fn is_repaired(damage: &Value) -> bool {
    damage.get("repaired").and_then(Value::as_bool) == Some(true)
}

fn progress(report: &Value) -> String {
    format!(
        "checked {} of {} blobs, {}",
        text(report, "/checked/blobs"),
        text(report, "/total/blobs"),
        bytes(report, "/checked/bytes"),
    )
}

fn shown(report: &Value) -> String {
    let mut lines = vec![format!("{}: {}", text(report, "/state"), progress(report))];
    if damaged(report).next().is_some() {
        lines.push(table(
            ["blob", "size", "fault", "repositories", "tags", "state"],
            damaged(report).map(row),
        ));
    }
    if let Some(unknown) = report
        .get("unknown")
        .filter(|unknown| unknown["objects"] != 0)
    {
        let (objects, size) = (text(unknown, "/objects"), bytes(unknown, "/bytes"));
        lines.push(format!(
            "objects that nothing names: {objects}, {size}; `packyard admin gc` removes them"
        ));
    }
    lines.join("\n")
}

fn row(damage: &Value) -> [String; 6] {
    let hits: Vec<&Value> = damage
        .get("repositories")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let names = hits.iter().map(|hit| text(hit, "/repository"));
    let tags = hits.iter().flat_map(|hit| {
        let tags = hit.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str)
    });
    let state = match (is_repaired(damage), text(damage, "/remark")) {
        (true, _) => "repaired".to_owned(),
        (false, remark) if remark.is_empty() => "not given out".to_owned(),
        (false, remark) => format!("not given out; {remark}"),
    };
    let fault = match text(damage, "/fault") {
        fault if fault.is_empty() => "found earlier".to_owned(),
        fault => fault,
    };
    [
        text(damage, "/digest"),
        bytes(damage, "/size"),
        fault,
        names.collect::<Vec<_>>().join(" "),
        tags.collect::<Vec<_>>().join(" "),
        state,
    ]
}

fn bytes(value: &Value, pointer: &str) -> String {
    size(value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0))
}
