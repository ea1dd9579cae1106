//! Follows a build until it ends, and says how it ended.

use imagebuilder_api::{BuildState, BuildView};
use registry_client::Client;

use super::shown::Shown;
use super::stream;
use crate::error::{CliError, Kind};

/// The reason of a build that a policy refused.
const POLICY: &str = "PolicyFailed";

/// How a build ended.
pub(crate) enum Ended {
    /// The image is there.
    Succeeded(Box<BuildView>),
    /// It is not; the error says why.
    Otherwise(CliError),
}

/// Shows events until the build has ended. Ctrl-C ends the watching alone.
pub(crate) async fn to_the_end(
    client: &Client,
    id: &str,
    mut shown: Shown,
) -> Result<Ended, CliError> {
    tokio::select! {
        view = stream::follow(client, id, &mut *shown) => Ok(ended(view?)),
        _ = tokio::signal::ctrl_c() => Err(
            CliError::new(Kind::Interrupted, format!("stopped watching; the build {id} goes on"))
                .hint(format!("watch it: packyard build watch {id}"))
                .hint(format!("stop it: packyard build cancel {id}")),
        ),
    }
}

fn ended(view: BuildView) -> Ended {
    let id = &view.id;
    let reason = view.reason.as_deref().unwrap_or("Unknown");
    let message = view
        .message
        .as_deref()
        .unwrap_or("the server gave no reason");
    let error = match view.state {
        BuildState::Succeeded => return Ended::Succeeded(Box::new(view)),
        BuildState::Cancelled => CliError::failed(format!("the build {id} was cancelled")),
        _ => {
            let kind = if reason == POLICY {
                Kind::Refused
            } else {
                Kind::Failed
            };
            CliError::new(kind, format!("the build {id} failed: {reason}: {message}"))
                .hint(format!("steps and conditions: packyard build show {id}"))
                .hint(format!(
                    "everything that was logged: packyard build logs {id}"
                ))
        }
    };
    Ended::Otherwise(error)
}
