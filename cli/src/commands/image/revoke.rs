//! `packyard image revoke`.

use imagebuilder_api::{Revocation, RevokeImage};

use super::dependants;
use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Withdraw an image for ever.
///
/// Its signature is neither answered nor built again, here or by any builder on the same
/// registry; whoever pulls it is warned. What depends on it is listed. There is no way
/// back: change what was wrong, and the image gets another signature.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image's signature, or its first digits.
    signature: String,
    /// Why, for everybody who meets it.
    #[arg(long)]
    reason: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let path = format!("api/v1/images/{}/revoke", api::segment(&args.signature));
    let revoke = RevokeImage {
        reason: args.reason,
    };
    let what = super::called(&args.signature);
    let revocation: Revocation = api::post(&client, &what, &path, &revoke).await?;
    context.output.answer(&revocation, || {
        format!(
            "revoked {}: {}\n{}",
            revocation.signature,
            revocation.reason,
            dependants::shown(&revocation.dependants)
        )
    })
}
