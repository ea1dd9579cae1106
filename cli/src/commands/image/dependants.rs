//! Who would miss an image, for people.

use imagebuilder_api::Dependants;

/// One line for each.
pub(super) fn shown(found: &Dependants) -> String {
    let profiles = found
        .profiles
        .iter()
        .map(|profile| format!("  profile {profile}"));
    let holds = found.holds.iter().map(|hold| match &hold.reason {
        Some(reason) => format!("  held by {}: {reason}", hold.holder),
        None => format!("  held by {}", hold.holder),
    });
    let images = found.images.iter().map(|image| {
        format!(
            "  image {} of {} stands on the same stage {}",
            image.signature.short(),
            image.profile,
            image.stage
        )
    });
    let mut lines: Vec<String> = profiles.chain(holds).chain(images).collect();
    if found.more {
        lines.push("  and more images".to_owned());
    }
    match lines.is_empty() {
        true => "nothing depends on it".to_owned(),
        false => format!("what depends on it:\n{}", lines.join("\n")),
    }
}
