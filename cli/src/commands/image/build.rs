//! `packyard image build`.

use imagebuilder_api::{EnsureImage, EnsureImageAnswer, ImageKind, ImageRecord};
use serde_json::json;

use super::show;
use crate::api;
use crate::commands::build::follow::{self, Ended};
use crate::commands::build::shown;
use crate::context::Context;
use crate::error::CliError;
use crate::references;

/// See to it that the image of a profile exists.
///
/// The same inputs give the same image: if it is there already, the answer comes
/// at once; if somebody else is building it, that build is waited for. Ctrl-C
/// stops the waiting and not the build.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: [HOST/]PROJECT/NAME:VERSION.
    profile: String,
    /// Where the image is built.
    #[arg(long, default_value = "qemu")]
    provider: String,
    /// In which regions it is wanted; may be given several times.
    #[arg(long = "region", default_value = "local", value_name = "REGION")]
    regions: Vec<String>,
    /// Ignore stored images and stages, and build everything again.
    #[arg(long)]
    fresh: bool,
    /// Which build of the project goes first: the higher, from -100 to 100.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true,
        value_parser = clap::value_parser!(i8).range(-100..=100), value_name = "NUMBER")]
    priority: i8,
    /// Give the build up when the image is not there after so many minutes.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=525_600))]
    deadline: Option<u64>,
    /// Do not wait: answer with the build's id.
    #[arg(long)]
    no_wait: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::profile(&args.profile)?;
    let target = named.target("profile")?;
    let client = context.client_for(&named.reference).await?;
    let separator = if named.reference.digest.is_some() {
        '@'
    } else {
        ':'
    };
    let profile = format!("{}{separator}{target}", named.repository);
    let request = EnsureImage {
        provider: args.provider,
        regions: args.regions,
        fresh: args.fresh,
        priority: args.priority,
        deadline_secs: args.deadline.map(|minutes| minutes * 60),
        ..EnsureImage::of(profile.clone())
    };
    let what = format!("the image of {profile}");
    let answer: EnsureImageAnswer = api::post(&client, &what, "api/v1/images", &request).await?;
    let (build, signature) = match answer {
        EnsureImageAnswer::Ready { image, built } => return tell(context, &image, built),
        EnsureImageAnswer::Building { build, signature } => (build, signature),
    };
    if args.no_wait {
        return context.output.answer(&json!({"build": build, "signature": signature}), || {
            format!("build {build} makes the image {signature}\nwatch it: packyard build watch {build}")
        });
    }
    context
        .output
        .remark(format!("build {build} makes the image {signature}"));
    let shown = shown::for_people(&context.progress());
    match follow::to_the_end(&client, build.as_str(), shown).await? {
        Ended::Succeeded(view) => {
            let path = format!("api/v1/images/{}", view.signature);
            let image: ImageRecord =
                api::get(&client, &super::called(&view.signature.to_string()), &path).await?;
            tell(context, &image, true)
        }
        Ended::Otherwise(error) => Err(error),
    }
}

fn tell(context: &Context, image: &ImageRecord, built: bool) -> Result<(), CliError> {
    let first = match (image.kind, built) {
        (ImageKind::Referenced, _) => "nothing to build: the pack's image is used as it is",
        (ImageKind::Built, true) => "built",
        (ImageKind::Built, false) => "already there",
    };
    context
        .output
        .answer(&json!({"image": image, "built": built}), || {
            format!("{first}\n{}", show::shown(image))
        })
}
