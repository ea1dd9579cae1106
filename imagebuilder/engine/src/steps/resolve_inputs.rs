//! Turns the profile into exact inputs, and proves that they still give the signature that was asked for.

use imagebuilder_api::signature::explain;

use crate::build::Build;
use crate::failure::Failure;
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let resolved = build.shop.resolve(&build.request, &build.pins).await?;
    let (Some(chain), Some(signature)) = (&resolved.chain, &resolved.signature) else {
        return Err(Failure::person(
            "NothingToBuild",
            "the profile's image is used as it is; there is nothing to build",
        ));
    };
    if *signature != build.signature {
        let message = format!(
            "the inputs now give signature {signature} and this build is for {}: packyard or Ansible changed in the meantime; ask for the image again",
            build.signature
        );
        return Err(Failure::person("SignatureMoved", message));
    }
    let inputs = format!("{:#}\n", explain(chain));
    let path = build.path("inputs.json")?;
    std::fs::write(&path, resolved.masker.mask(&inputs))
        .map_err(|error| Failure::host(&format!("write {}", path.display()), &error))?;
    let message = format!(
        "{} packs, {} stages, signature {}",
        resolved.packs.len(),
        chain.stages().len(),
        signature.short()
    );
    build.set_resolved(resolved);
    Ok(Outcome::done(message))
}
