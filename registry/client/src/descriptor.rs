//! Descriptors and manifests with parsed digests, made from and into the
//! types of `oci-distribution`.

use std::collections::BTreeMap;

use oci_distribution::manifest::{OciDescriptor, OciImageManifest};
use registry_pack::{Digest, ParseError, media};

/// What a manifest says about one blob, or a list about one manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    pub size_bytes: u64,
    /// Free text about them.
    pub annotations: BTreeMap<String, String>,
    /// In a list of referrers: the kind of artifact.
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor without annotations.
    pub fn new(media_type: impl Into<String>, digest: Digest, size_bytes: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size_bytes,
            annotations: BTreeMap::new(),
            artifact_type: None,
        }
    }

    /// The same, with a file name.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.annotations
            .insert(media::ANNOTATION_TITLE.to_owned(), title.into());
        self
    }

    /// The file name, if there is one.
    pub fn title(&self) -> Option<&str> {
        self.annotations
            .get(media::ANNOTATION_TITLE)
            .map(String::as_str)
    }
}

impl TryFrom<OciDescriptor> for Descriptor {
    type Error = ParseError;

    fn try_from(from: OciDescriptor) -> Result<Self, ParseError> {
        Ok(Self {
            media_type: from.media_type,
            digest: from.digest.parse()?,
            size_bytes: u64::try_from(from.size).unwrap_or(0),
            annotations: from.annotations.unwrap_or_default(),
            artifact_type: from.artifact_type,
        })
    }
}

impl From<&Descriptor> for OciDescriptor {
    fn from(from: &Descriptor) -> Self {
        Self {
            media_type: from.media_type.clone(),
            digest: from.digest.to_string(),
            size: i64::try_from(from.size_bytes).unwrap_or(i64::MAX),
            urls: None,
            annotations: some_unless_empty(&from.annotations),
            artifact_type: from.artifact_type.clone(),
        }
    }
}

/// An image manifest: a configuration, layers, perhaps a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What kind of artifact it is, if it says so.
    pub artifact_type: Option<String>,
    /// The configuration blob.
    pub config: Descriptor,
    /// The files.
    pub layers: Vec<Descriptor>,
    /// What it refers to.
    pub subject: Option<Descriptor>,
    /// Free text about it.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let read: OciImageManifest =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let parsed =
            |found: OciDescriptor| Descriptor::try_from(found).map_err(|error| error.to_string());
        Ok(Self {
            artifact_type: read.artifact_type,
            config: parsed(read.config)?,
            layers: read
                .layers
                .into_iter()
                .map(parsed)
                .collect::<Result<_, _>>()?,
            subject: read.subject.map(parsed).transpose()?,
            annotations: read.annotations.unwrap_or_default(),
        })
    }

    /// The manifest as it is pushed. The same manifest gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifest = OciImageManifest {
            schema_version: 2,
            media_type: Some(media::IMAGE_MANIFEST.to_owned()),
            config: (&self.config).into(),
            layers: self.layers.iter().map(Into::into).collect(),
            subject: self.subject.as_ref().map(Into::into),
            artifact_type: self.artifact_type.clone(),
            annotations: some_unless_empty(&self.annotations),
        };
        serde_json::to_vec(&manifest).expect("a manifest has only string keys")
    }
}

fn some_unless_empty(map: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then(|| map.clone())
}
