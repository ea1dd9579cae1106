//! `packyard admin drain` and `packyard admin workers`.

use imagebuilder_api::{Drain, WorkerView};
use serde::{Deserialize, Serialize};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

const CALLED: &str = "the workers";

/// Let a worker take no new build, before it is stopped.
///
/// It finishes the builds that it has; with --hand-over it gives each of them to another
/// worker at its next step. Nothing is lost either way: a build goes on from its deepest
/// captured stage. `packyard admin workers` tells when it has none left.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The worker's name, as `packyard admin workers` lists it. Without it, the worker of
    /// the server that is asked.
    worker: Option<String>,
    /// Give the running builds to other workers instead of finishing them.
    #[arg(long, conflicts_with = "undo")]
    hand_over: bool,
    /// Take builds again.
    #[arg(long)]
    undo: bool,
}

/// List the workers that share the server's queue.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkersArgs {}

#[derive(Serialize, Deserialize)]
struct Workers {
    workers: Vec<WorkerView>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let drain = Drain {
        worker: args.worker,
        hand_over: args.hand_over,
        undo: args.undo,
    };
    let answer: Workers = api::post(&client, CALLED, "api/v1/admin/drain", &drain).await?;
    context.output.answer(&answer, || text(&answer.workers))
}

pub(crate) async fn workers(_: WorkersArgs, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let answer: Workers = api::get(&client, CALLED, "api/v1/admin/workers").await?;
    context.output.answer(&answer, || text(&answer.workers))
}

fn text(workers: &[WorkerView]) -> String {
    table(
        ["worker", "provider", "builds", "slots", "takes builds"],
        workers.iter().map(|worker| {
            let takes = match (worker.draining, worker.hand_over) {
                (false, _) => "yes",
                (true, false) => "no, finishes",
                (true, true) => "no, hands over",
            };
            [
                worker.name.clone(),
                worker.provider.clone(),
                worker.running.to_string(),
                worker.slots.to_string(),
                takes.to_owned(),
            ]
        }),
    )
}
