//! References as people write them, `[HOST/][PROJECT/]NAME[:VERSION|@DIGEST]`,
//! turned into repositories of packs, profiles and images.

use registry_pack::{PackName, Reference, RepositoryName, media};

use crate::error::CliError;

const PACKS: &str = "spectro-packs/archive";
const PROFILES: &str = "profiles";

/// What a short reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) reference: Reference,
    pub(crate) project: String,
    pub(crate) name: PackName,
    pub(crate) repository: RepositoryName,
}

impl Named {
    /// The tag or digest; they are needed wherever one thing is meant.
    pub(crate) fn target(&self, what: &str) -> Result<String, CliError> {
        self.reference.target().ok_or_else(|| {
            CliError::usage(format!("{} names no version", self.reference)).hint(format!(
                "write PROJECT/NAME:VERSION; `packyard {what} ls` lists what there is"
            ))
        })
    }
}

/// A pack: `library/cni-calico:3.30.0`, or with its whole repository.
pub(crate) fn pack(text: &str) -> Result<Named, CliError> {
    named(text, PACKS)
}

/// A profile: `library/edge:1.0.0`, or with its whole repository.
pub(crate) fn profile(text: &str) -> Result<Named, CliError> {
    named(text, PROFILES)
}

fn named(text: &str, folder: &str) -> Result<Named, CliError> {
    let reference: Reference = text.parse()?;
    let path = reference.repository.as_str();
    let (project, name) = match path.rsplit_once('/') {
        None => (media::DEFAULT_PROJECT, path),
        Some((before, name)) => match before
            .strip_suffix(folder)
            .map(|project| project.strip_suffix('/'))
        {
            Some(Some(project)) => (project, name),
            _ => (before, name),
        },
    };
    let repository = format!("{project}/{folder}/{name}").parse()?;
    Ok(Named {
        project: project.to_owned(),
        name: name.parse()?,
        repository,
        reference,
    })
}

#[cfg(test)]
mod tests {
    use super::{pack, profile};

    #[test]
    fn short_and_whole_references_name_the_same() {
        let check = |text: &str, repository: &str, target: Option<&str>| {
            let named = pack(text).expect(text);
            assert_eq!(named.repository.as_str(), repository, "{text}");
            assert_eq!(named.reference.target().as_deref(), target, "{text}");
        };
        let calico = "library/spectro-packs/archive/cni-calico";
        check("cni-calico:3.30.0", calico, Some("3.30.0"));
        check("library/cni-calico:3.30.0", calico, Some("3.30.0"));
        check(
            "library/spectro-packs/archive/cni-calico:3.30.0",
            calico,
            Some("3.30.0"),
        );
        check("127.0.0.1:5000/library/cni-calico", calico, None);
        check(
            "team/sub/x:1",
            "team/sub/spectro-packs/archive/x",
            Some("1"),
        );
        assert_eq!(
            profile("edge:1").expect("profile").repository.as_str(),
            "library/profiles/edge"
        );
        assert_eq!(
            profile("a/profiles/edge:1")
                .expect("profile")
                .repository
                .as_str(),
            "a/profiles/edge"
        );
        assert!(pack("Library/x:1").is_err());
    }
}
