//! `packyard image gc`.

use imagebuilder_api::{CollectImages, CollectedImage, CollectedImages};

use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Remove images by rule.
///
/// An image goes when it is past every bound that is given and nobody needs it: no profile
/// that asked for it still resolves to it, nobody holds it, no build is at work on it. Its
/// bytes go with the registry's next garbage collection.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("rule").required(true).multiple(true))]
pub(crate) struct Args {
    /// Keep the newest images of each profile, this many; versions are counted together.
    #[arg(long, value_name = "N", group = "rule")]
    keep_last: Option<u32>,
    /// Keep images that are younger, in days.
    #[arg(long, value_name = "DAYS", group = "rule")]
    older_than: Option<u32>,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let rule = CollectImages {
        keep_last: args.keep_last,
        older_than_days: args.older_than,
        dry_run: args.dry_run,
    };
    let report: CollectedImages =
        api::post(&client, "the images", "api/v1/images/gc", &rule).await?;
    context.output.answer(&report, || shown(&report))
}

fn shown(report: &CollectedImages) -> String {
    let verb = if report.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let line = |verb: &str, image: &CollectedImage| {
        let why = image.why.as_deref().map(|why| format!(": {why}"));
        format!(
            "{verb} {}  {}  {}{}",
            image.signature.short(),
            image.profile,
            image.created_at.strftime("%Y-%m-%d"),
            why.unwrap_or_default()
        )
    };
    let mut lines: Vec<String> = report.removed.iter().map(|one| line(verb, one)).collect();
    lines.extend(report.kept.iter().map(|one| line("kept", one)));
    lines.push(format!(
        "{verb} {}, kept {} that somebody needs and {} within the rule",
        report.removed.len(),
        report.kept.len(),
        report.within_rule
    ));
    lines.join("\n")
}
