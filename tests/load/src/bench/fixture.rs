//! What is pulled: a large blob, and an image manifest that names it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::bare;
use crate::drive::{Content, Unique, push};
use crate::server::{Kind, Server};
use crate::wire::Body;

/// The size of the large blob: a small disk image, and a large layer.
pub(super) const BLOB_BYTES: u64 = 512 << 20;
const REPOSITORY: &str = "bench/image";
const TAG: &str = "v1";
pub(super) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The same content for all servers of a group.
pub(super) struct Fixture {
    blobs: [Vec<Unique>; 1],
    manifest: Vec<u8>,
}

impl Fixture {
    pub(super) fn new(content: &Content) -> Result<Self> {
        let blobs = [vec![content.unique(700), content.unique(BLOB_BYTES)]];
        let [config, layer] = [&blobs[0][0], &blobs[0][1]];
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config.digest,
                "size": config.size,
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": layer.digest,
                "size": layer.size,
            }],
            "annotations": {
                "org.opencontainers.image.title": "what the load generator pulls",
                "org.opencontainers.image.description": "as many bytes as a small image's manifest",
            },
        });
        Ok(Self {
            manifest: serde_json::to_vec(&manifest)?,
            blobs,
        })
    }

    /// Pushes everything to a registry.
    pub(super) fn push(&self, server: &Server, content: &Content) -> Result<()> {
        push(server, REPOSITORY, content, &self.blobs)?;
        let body = Body {
            media_type: IMAGE,
            bytes: &self.manifest,
        };
        let target = format!("/v2/{REPOSITORY}/manifests/{TAG}");
        server
            .connect()?
            .call("PUT", &target, body)?
            .expect(201)
            .context("push the manifest")?;
        Ok(())
    }

    /// Writes everything where the bare server looks for it.
    pub(super) fn write_files(&self, content: &Content, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(bare::MANIFEST), &self.manifest)?;
        let mut file = File::create(folder.join(bare::FILE))?;
        for piece in content.pieces(&self.blobs[0][1]) {
            file.write_all(piece)?;
        }
        file.sync_all().context("write the blob")
    }

    /// Where a server has the large blob.
    pub(super) fn blob(&self, server: &Server) -> String {
        match server.kind {
            Kind::Bare => bare::FILE_TARGET.to_owned(),
            _ => format!("/v2/{REPOSITORY}/blobs/{}", self.blobs[0][1].digest),
        }
    }

    /// Where a registry has the small blob.
    pub(super) fn config(&self) -> String {
        format!("/v2/{REPOSITORY}/blobs/{}", self.blobs[0][0].digest)
    }

    /// Where a server has the manifest, by its tag.
    pub(super) fn manifest(&self, server: &Server) -> String {
        match server.kind {
            Kind::Bare => bare::MANIFEST_TARGET.to_owned(),
            _ => format!("/v2/{REPOSITORY}/manifests/{TAG}"),
        }
    }
}
