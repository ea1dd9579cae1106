//! `packyard build priority`.

use imagebuilder_api::BuildView;
use serde_json::json;

use super::{called, path};
use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Say which build of a project goes first.
///
/// It counts among the builds of one project; projects take turns whatever their builds'
/// priorities are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
    /// From -100 to 100; the higher goes first, 0 is usual.
    #[arg(allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-100..=100))]
    priority: i8,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let path = path(&args.id, "/priority");
    let body = json!({ "priority": args.priority });
    let view: BuildView = api::post(&client, &called(&args.id), &path, &body).await?;
    context.output.answer(&view, || {
        format!("build {} has priority {}", view.id, args.priority)
    })
}
