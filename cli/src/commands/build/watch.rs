//! `packyard build watch`.

use serde_json::json;

use super::follow::{self, Ended};
use super::shown;
use crate::context::Context;
use crate::error::CliError;
use crate::output::print;

/// Follow a build until it ends.
///
/// Ends as the build does: 0 when the image is verified, 5 when a policy refused
/// it, 1 when it failed otherwise. Ctrl-C stops the watching and not the build. A
/// connection that breaks is taken up again where it was. With --json each event is
/// one line, and how it ended is the last.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let json = context.output.is_json();
    let shown = match json {
        true => shown::for_programs(),
        false => shown::for_people(&context.progress()),
    };
    let view = match follow::to_the_end(&client, &args.id, shown).await? {
        Ended::Succeeded(view) => view,
        Ended::Otherwise(error) => return Err(error),
    };
    match json {
        true => {
            let end = json!({"build": view.id, "state": view.state, "signature": view.signature});
            print(&end.to_string())
        }
        false => print(&format!("the image {} is verified", view.signature)),
    }
}
