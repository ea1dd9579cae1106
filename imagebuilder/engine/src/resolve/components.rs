//! Which component comes from where: the pack's bundle, the guest's apt sources, or a download.

use std::collections::BTreeMap;

use registry_pack::RepositoryName;
use registry_pack::components::{
    BundleEntry, BundleManifest, Component, ComponentSet, FILE, Kind as FileKind, Purpose, Source,
};
use serde::Serialize;

use crate::registry::{Descriptor, Registry};
use crate::resolve::pins::Question;
use crate::resolve::{Kind, Pins, ResolveError, SelectedPack};

/// A component with the one source that it comes from, in the form that the roles read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResolvedComponent {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) kind: FileKind,
    pub(crate) file: String,
    pub(crate) sha256: Option<String>,
    pub(crate) purpose: Purpose,
    pub(crate) install: Option<String>,
    /// `bundle`, `apt` or `http`.
    pub(crate) source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// The bundle of a Kubernetes pack.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) repository: RepositoryName,
    pub(crate) manifest: BundleManifest,
    /// The files, by SHA-256.
    pub(crate) files: BTreeMap<String, Descriptor>,
}

/// Resolves the components of the Kubernetes pack; nothing where Kubernetes is not installed.
pub(crate) async fn resolve(
    registry: &dyn Registry,
    pack: &SelectedPack,
    architecture: &str,
    kind: Kind,
    pins: &Pins,
) -> Result<(Vec<ResolvedComponent>, Option<Bundle>), ResolveError> {
    if kind == Kind::Nothing {
        return Ok((Vec::new(), None));
    }
    let Some(text) = &pack.source.pack.components else {
        if kind == Kind::RolesOnly {
            return Ok((Vec::new(), None));
        }
        let message = format!(
            "Kubernetes pack {} has no {FILE}; name its components there, with exact versions",
            pack.name
        );
        return Err(ResolveError::input("NoComponents", message));
    };
    let set = ComponentSet::parse(text, &format!("{FILE} of {}", pack.name))
        .map_err(ResolveError::pack)?;
    let bundle = bundle(registry, pack, architecture, pins).await?;
    let resolved = set
        .components
        .iter()
        .map(|component| choose(component, bundle.as_ref(), pack));
    // Roles alone need no component; the tools are taken where there are any.
    let resolved = match kind {
        Kind::RolesOnly => resolved
            .filter_map(Result::ok)
            .filter(|one| one.purpose == Purpose::Tool)
            .collect(),
        Kind::Install | Kind::Nothing => resolved.collect::<Result<Vec<_>, _>>()?,
    };
    Ok((resolved, bundle))
}

async fn bundle(
    registry: &dyn Registry,
    pack: &SelectedPack,
    architecture: &str,
    pins: &Pins,
) -> Result<Option<Bundle>, ResolveError> {
    let (repository, subject) = (&pack.source.repository, &pack.source.manifest.digest);
    // Several machines may have bundles here.
    let question = Question::Bundle {
        repository: repository.clone(),
        pack: subject.clone(),
    };
    let Some(found) = pins.ask(registry, architecture, question).await? else {
        return Ok(None);
    };
    let manifest = registry.manifest(repository, &found.digest).await?;
    let config = registry.blob(repository, &manifest.config, 4 << 20).await?;
    let wrong = |why: String| {
        ResolveError::input(
            "BadBundle",
            format!(
                "the bundle of {} ({repository}@{}): {why}",
                pack.name, found.digest
            ),
        )
    };
    let content: BundleManifest =
        serde_json::from_slice(&config).map_err(|error| wrong(error.to_string()))?;
    if content.architecture != architecture {
        return Ok(None);
    }
    let files = manifest
        .layers
        .iter()
        .map(|layer| (layer.digest.hex().to_owned(), layer.clone()))
        .collect();
    Ok(Some(Bundle {
        repository: repository.clone(),
        manifest: content,
        files,
    }))
}

fn choose(
    component: &Component,
    bundle: Option<&Bundle>,
    pack: &SelectedPack,
) -> Result<ResolvedComponent, ResolveError> {
    let made = |source, sha256: Option<String>, url| ResolvedComponent {
        name: component.name.clone(),
        version: component.version.clone(),
        kind: component.kind,
        file: component.file.clone(),
        sha256,
        purpose: component.purpose,
        install: component.install.clone(),
        source,
        url,
    };
    for source in &component.sources {
        match source {
            Source::Bundle => {
                if let Some(entry) = bundle.and_then(|bundle| entry(bundle, component)) {
                    let Some(expected) = component
                        .sha256
                        .as_ref()
                        .filter(|expected| **expected != entry.sha256)
                    else {
                        return Ok(made("bundle", Some(entry.sha256.clone()), None));
                    };
                    return Err(mismatch(component, pack, expected, &entry.sha256));
                }
            }
            Source::Apt => return Ok(made("apt", None, None)),
            Source::Http { url } => {
                return Ok(made("http", component.sha256.clone(), Some(url.clone())));
            }
        }
    }
    let message = format!(
        "component {} {} of {} is in no source: its bundle in the registry does not hold it; fill the bundle with `packyard pack bundle --push`",
        component.name, component.version, pack.name
    );
    Err(ResolveError::input("ComponentMissing", message))
}

fn entry<'a>(bundle: &'a Bundle, component: &Component) -> Option<&'a BundleEntry> {
    let fits =
        |entry: &&BundleEntry| entry.name == component.name && entry.version == component.version;
    bundle
        .manifest
        .components
        .iter()
        .find(fits)
        .filter(|entry| bundle.files.contains_key(&entry.sha256))
}

fn mismatch(
    component: &Component,
    pack: &SelectedPack,
    expected: &str,
    actual: &str,
) -> ResolveError {
    let message = format!(
        "component {} {} of {} has the wrong checksum in the bundle: expected sha256 {expected}, actual {actual}; fill the bundle again with `packyard pack bundle --push`",
        component.name, component.version, pack.name
    );
    ResolveError::input("ChecksumMismatch", message)
}
