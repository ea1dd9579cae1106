//! A small image like no other: pushed, pulled and compared byte by byte.

use sha2::{Digest as _, Sha256};

use super::shared::{Failed, Session, count};
use crate::drive::path;
use crate::wire::Body;

const BINARY: &str = "application/octet-stream";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image that somebody pushed, by its digests.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) repository: String,
    pub(super) digest: String,
    pub(super) blobs: Vec<String>,
}

/// An image that is about to be pushed.
pub(super) struct NewImage {
    pub(super) image: Image,
    blobs: Vec<Vec<u8>>,
    manifest: Vec<u8>,
}

impl NewImage {
    /// A config like no other, and a layer.
    pub(super) fn create(repository: &str, layer: Vec<u8>) -> Self {
        let mut config = vec![0; 64];
        rand::fill(&mut config[..]);
        let blobs = [config, layer];
        let digests = blobs.each_ref().map(|bytes| digest(bytes));
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": {
                "mediaType": "application/vnd.example.soak.config",
                "digest": digests[0], "size": blobs[0].len(),
            },
            "layers": [{
                "mediaType": BINARY, "digest": digests[1], "size": blobs[1].len(),
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        Self {
            image: Image {
                repository: repository.to_owned(),
                digest: digest(&manifest),
                blobs: digests.to_vec(),
            },
            blobs: blobs.to_vec(),
            manifest,
        }
    }

    /// Pushes the blobs, each in one of the ways that clients have.
    pub(super) fn push_blobs(&self, session: &mut Session<'_>) -> Result<(), Failed> {
        for (bytes, digest) in self.blobs.iter().zip(&self.image.blobs) {
            push_blob(session, &self.image.repository, bytes, digest)?;
        }
        Ok(())
    }

    /// Pushes the manifest under a tag or, without one, its digest.
    pub(super) fn push_manifest(
        &self,
        session: &mut Session<'_>,
        tag: Option<&str>,
    ) -> Result<(), Failed> {
        let Image {
            repository, digest, ..
        } = &self.image;
        let reference = tag.unwrap_or(digest);
        let target = format!("/v2/{repository}/manifests/{reference}");
        let body = Body {
            media_type: IMAGE,
            bytes: &self.manifest,
        };
        expect(session, "PUT", &target, body, 201)?;
        count(&session.shared.counts.acknowledged);
        Ok(())
    }
}

impl Image {
    /// Reads everything of it again. What is not there or not the same is counted as lost.
    pub(super) fn verify(&self, session: &mut Session<'_>) -> Result<(), Failed> {
        let Self {
            repository, digest, ..
        } = self;
        let manifest = format!("/v2/{repository}/manifests/{digest}");
        compare(session, &manifest, digest)?;
        for digest in &self.blobs {
            compare(session, &format!("/v2/{repository}/blobs/{digest}"), digest)?;
        }
        Ok(())
    }

    /// Deletes its manifest.
    pub(super) fn delete(&self, session: &mut Session<'_>) -> Result<(), Failed> {
        let Self {
            repository, digest, ..
        } = self;
        let target = format!("/v2/{repository}/manifests/{digest}");
        expect(session, "DELETE", &target, Body::default(), 202)?;
        count(&session.shared.counts.deleted);
        Ok(())
    }
}

fn push_blob(
    session: &mut Session<'_>,
    repository: &str,
    bytes: &[u8],
    digest: &str,
) -> Result<(), Failed> {
    let start = format!("/v2/{repository}/blobs/uploads/");
    let whole = |bytes| Body {
        media_type: BINARY,
        bytes,
    };
    match rand::random_range(0..3) {
        0 => {
            let target = format!("{start}?digest={digest}");
            expect(session, "POST", &target, whole(bytes), 201)?;
        }
        1 => {
            let place = begin(session, &start)?;
            expect(
                session,
                "PUT",
                &format!("{place}?digest={digest}"),
                whole(bytes),
                201,
            )?;
        }
        _ => {
            let place = begin(session, &start)?;
            let (first, second) = bytes.split_at(bytes.len() / 2);
            expect(session, "PATCH", &place, whole(first), 202)?;
            expect(session, "PATCH", &place, whole(second), 202)?;
            let target = format!("{place}?digest={digest}");
            expect(session, "PUT", &target, Body::default(), 201)?;
        }
    }
    Ok(())
}

fn begin(session: &mut Session<'_>, start: &str) -> Result<String, Failed> {
    let answer = session.call("POST", start, Body::default())?;
    path(answer.head.location.as_deref()).map_err(|error| {
        session.shared.complain(
            &session.shared.counts.errors,
            format!(
                "POST {start}: {}, {error:#}: {}",
                answer.head.status,
                String::from_utf8_lossy(&answer.body)
            ),
        );
        Failed::Unexpected
    })
}

/// One request whose status is known beforehand.
fn expect(
    session: &mut Session<'_>,
    method: &str,
    target: &str,
    body: Body<'_>,
    status: u16,
) -> Result<(), Failed> {
    let answer = session.call(method, target, body)?;
    if answer.head.status == status {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.body);
    let what = format!(
        "{method} {target}: {}, not {status}: {said}",
        answer.head.status
    );
    session.shared.complain(&session.shared.counts.errors, what);
    Err(Failed::Unexpected)
}

fn compare(session: &mut Session<'_>, target: &str, expected: &str) -> Result<(), Failed> {
    let answer = session.call("GET", target, Body::default())?;
    if answer.head.status == 200 && digest(&answer.body) == *expected {
        return Ok(());
    }
    let what = format!("GET {target}: {} and not the content", answer.head.status);
    session.shared.complain(&session.shared.counts.lost, what);
    Err(Failed::Unexpected)
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
