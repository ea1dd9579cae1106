//! Media types and artifact types: the words by which things in the registry
//! are told apart. The ones of others are cited; the ones of ours begin with
//! `application/vnd.packyard.`.

/// Image manifest, OCI image specification.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Image index, OCI image specification.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Image manifest as Docker writes it.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Image index as Docker writes it.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Configuration of a container image.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty configuration `{}` of OCI image specification 1.1.
pub const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
/// The bytes of the empty configuration.
pub const EMPTY_CONFIG_BYTES: &[u8] = b"{}";
/// Digest of the empty configuration.
pub const EMPTY_CONFIG_DIGEST: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// Configuration of a pack's manifest; what ORAS 1.0 writes, content `{}`.
pub const PACK_CONFIG: &str = "application/vnd.unknown.config.v1+json";
/// The one layer of a pack. ORAS 1.0 writes this although the file is gzipped.
pub const PACK_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Artifact type that ORAS 1.1 and later give to a pack pushed without one.
pub const UNKNOWN_ARTIFACT: &str = "application/vnd.unknown.artifact.v1";

/// Large side files of a pack: artifact whose subject is the pack.
pub const BUNDLE: &str = "application/vnd.packyard.bundle.v1";
/// Configuration of a bundle: a [`BundleManifest`](crate::components::BundleManifest).
pub const BUNDLE_CONFIG: &str = "application/vnd.packyard.bundle.config.v1+json";
/// One file of a bundle, stored as it is.
pub const BUNDLE_FILE: &str = "application/octet-stream";

/// Says that its subject should no longer be used; empty, the reason is an annotation.
pub const DEPRECATION: &str = "application/vnd.packyard.deprecation.v1";

/// A cluster profile.
pub const PROFILE: &str = "application/vnd.packyard.profile.v1";
/// The text of a cluster profile.
pub const PROFILE_LAYER: &str = "application/vnd.packyard.profile.v1+json";

/// A base image that builds start from.
pub const BASE_IMAGE: &str = "application/vnd.packyard.base-image.v1+json";
/// Configuration of a base image.
pub const BASE_IMAGE_CONFIG: &str = "application/vnd.packyard.base-image.config.v1+json";
/// A disk in QEMU's qcow2 format.
pub const DISK_QCOW2: &str = "application/vnd.packyard.disk.v1.qcow2";

/// A captured stage of a build.
pub const STAGE: &str = "application/vnd.packyard.stage.v1";
/// Configuration of a stage: its id, its parent, its inputs.
pub const STAGE_CONFIG: &str = "application/vnd.packyard.stage.config.v1+json";
/// The difference between a stage and the stage below, compressed.
pub const STAGE_DISK: &str = "application/vnd.packyard.stage.disk.v1.qcow2+zstd";

/// A built image.
pub const IMAGE: &str = "application/vnd.packyard.image.v1+json";
/// The record of a built image, which is its configuration.
pub const IMAGE_RECORD: &str = "application/vnd.packyard.image.record.v1+json";
/// Refers to an image: it was withdrawn and may never be used again. Its layer says why.
pub const IMAGE_REVOCATION: &str = "application/vnd.packyard.image.revocation.v1+json";
/// Referrer of an image: kube-bench's own JSON.
pub const KUBE_BENCH_REPORT: &str = "application/vnd.packyard.kube-bench.report.v1+json";
/// Referrer of an image: how it was built.
pub const BUILD_RECORD: &str = "application/vnd.packyard.build.record.v1+json";
/// Referrer of an image: software bill of materials.
pub const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
/// Referrer of an image: provenance.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Referrer of an image: where its disk is cut, and what each piece is, so that a host with a
/// similar disk pulls the difference.
pub const IMAGE_CHUNKS: &str = "application/vnd.packyard.image.chunks.v1";
/// The file name that the map goes by.
pub const IMAGE_CHUNKS_TITLE: &str = "chunks.map";

/// Annotation that holds a layer's file name.
pub const ANNOTATION_TITLE: &str = "org.opencontainers.image.title";
/// Annotation that holds the time of creation.
pub const ANNOTATION_CREATED: &str = "org.opencontainers.image.created";
/// Annotation in `pack.json` that names the freshness epoch of a pack.
pub const ANNOTATION_FRESHNESS: &str = "packyard.io/freshness";
/// Annotation in `pack.json` that names the roles, separated by commas, which are captured as
/// stages of their own.
pub const ANNOTATION_OWN_STAGE: &str = "packyard.io/own-stage";
/// Annotation of a [`DEPRECATION`]: why, and what to use instead.
pub const ANNOTATION_DEPRECATED_REASON: &str = "packyard.io/deprecated-reason";
/// The project that is meant when none is named.
pub const DEFAULT_PROJECT: &str = "library";
