//! What a manifest says, as far as the registry must understand it.
//!
//! The bytes are stored as they are; this only reads them. It refuses what two
//! readers could understand differently, and content that cannot be referred to.

use std::collections::BTreeMap;

use registry_pack::{Digest, media};
use serde::Deserialize;

use super::{Code, OciError};

/// Brackets within brackets. What the specification names takes five; what is
/// unknown is skipped by the parser without a bound of its own.
pub(crate) const NESTING: usize = 100;

const SCHEMA_ONE: &str = "application/vnd.docker.distribution.manifest.v1";

/// The parts of an image manifest or an index that the registry uses.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    pub(crate) config: Option<Descriptor>,
    pub(crate) layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

/// A reference to content.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    #[serde(rename = "size")]
    _size: u64,
    #[serde(default)]
    urls: Option<Vec<String>>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

/// What must be in the repository for a manifest to be complete.
#[derive(Debug, Default)]
pub(crate) struct References {
    pub(crate) blobs: Vec<Digest>,
    /// Layers that may come from elsewhere.
    pub(crate) optional: Vec<Digest>,
    pub(crate) manifests: Vec<Digest>,
}

impl Document {
    /// Reads a manifest; the media type that it has, given what its sender said.
    pub(crate) fn parse(
        bytes: &[u8],
        content_type: Option<&str>,
    ) -> Result<(Self, String), OciError> {
        if nesting(bytes) > NESTING {
            let message = format!("the manifest nests more than {NESTING} levels");
            return Err(invalid(message));
        }
        let document: Self = serde_json::from_slice(bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            invalid(format!("the manifest cannot be read at {place}: {error}"))
        })?;
        let media_type = document.media_type(content_type)?;
        document.check_form(&media_type)?;
        Ok((document, media_type))
    }

    fn media_type(&self, content_type: Option<&str>) -> Result<String, OciError> {
        match (
            content_type,
            self.media_type.as_deref().filter(|own| !own.is_empty()),
        ) {
            (Some(sent), Some(own)) if sent != own => Err(invalid(format!(
                "the manifest says that it is {own}, and the Content-Type says {sent}"
            ))),
            (Some(sent), _) => Ok(sent.to_owned()),
            (None, Some(own)) => Ok(own.to_owned()),
            (None, None) => Err(invalid("the manifest's Content-Type is missing")),
        }
    }

    fn check_form(&self, media_type: &str) -> Result<(), OciError> {
        if media_type.starts_with(SCHEMA_ONE) {
            return Err(invalid(
                "manifests of schema 1 are obsolete; push with a newer client",
            ));
        }
        if self.schema_version != Some(2) {
            return Err(invalid("schemaVersion must be 2"));
        }
        let is_image = matches!(media_type, media::IMAGE_MANIFEST | media::DOCKER_MANIFEST);
        let is_index = matches!(media_type, media::IMAGE_INDEX | media::DOCKER_MANIFEST_LIST);
        match (is_image, is_index) {
            (true, _) if self.manifests.is_some() => {
                Err(invalid("an image manifest cannot also list manifests"))
            }
            (true, _) if self.config.is_none() => Err(invalid("the image manifest has no config")),
            (_, true) if self.config.is_some() || self.layers.is_some() => {
                Err(invalid("an index cannot also have a config or layers"))
            }
            (_, true) if self.manifests.is_none() => Err(invalid("the index lists no manifests")),
            (false, false) => Err(invalid(format!(
                "{media_type} is no type of manifest known here"
            ))),
            _ => Ok(()),
        }
    }

    /// What it names.
    pub(crate) fn references(&self) -> References {
        let mut references = References::default();
        references
            .blobs
            .extend(self.config.iter().map(|config| config.digest.clone()));
        for layer in self.layers.iter().flatten() {
            let list = if layer.is_foreign() {
                &mut references.optional
            } else {
                &mut references.blobs
            };
            list.push(layer.digest.clone());
        }
        for entry in self.manifests.iter().flatten() {
            // Build caches list blobs in an index.
            let list = if entry.is_manifest() {
                &mut references.manifests
            } else {
                &mut references.blobs
            };
            list.push(entry.digest.clone());
        }
        references
    }

    /// The digest of the manifest that it is about.
    pub(crate) fn subject(&self) -> Option<&Digest> {
        self.subject.as_ref().map(|subject| &subject.digest)
    }

    /// The type that a list of referrers shows.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        let own = self.artifact_type.as_deref().filter(|own| !own.is_empty());
        own.or_else(|| {
            self.config
                .as_ref()
                .map(|config| config.media_type.as_str())
        })
    }

    /// The annotations as JSON.
    pub(crate) fn annotations_json(&self) -> Option<String> {
        let annotations = self.annotations.as_ref().filter(|map| !map.is_empty())?;
        serde_json::to_string(annotations).ok()
    }
}

impl Descriptor {
    fn is_manifest(&self) -> bool {
        matches!(
            self.media_type.as_str(),
            "" | media::IMAGE_MANIFEST
                | media::IMAGE_INDEX
                | media::DOCKER_MANIFEST
                | media::DOCKER_MANIFEST_LIST
        )
    }

    fn is_foreign(&self) -> bool {
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
            || self.media_type.contains(".nondistributable.")
            || self.media_type.contains(".foreign.")
    }
}

/// How deep the brackets of a JSON text go; those in strings are none.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn invalid(message: impl Into<String>) -> OciError {
    OciError::bad_request(Code::ManifestInvalid, message)
}
