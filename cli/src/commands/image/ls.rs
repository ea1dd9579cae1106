//! `packyard image ls`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{table, text};

/// List images, the newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let images = api::list(&client, "the list of images", "api/v1/images", "images").await?;
    context
        .output
        .answer(&api::listed("images", &images), || shown(&images))
}

fn shown(images: &[Value]) -> String {
    if images.is_empty() {
        return "no images; `packyard image build PROJECT/NAME:VERSION` makes the one of a profile"
            .to_owned();
    }
    let rows = images.iter().map(|image| {
        let places = image.get("locations").and_then(Value::as_array);
        let places: Vec<String> = places
            .into_iter()
            .flatten()
            .map(|place| format!("{}/{}", text(place, "/provider"), text(place, "/region")))
            .collect();
        [
            text(image, "/signature").chars().take(16).collect(),
            text(image, "/state"),
            text(image, "/osPack"),
            text(image, "/profile"),
            places.join(" "),
            text(image, "/createdAt").chars().take(16).collect(),
        ]
    });
    table(
        [
            "signature",
            "state",
            "os pack",
            "profile",
            "where",
            "created",
        ],
        rows,
    )
}
