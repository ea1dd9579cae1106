//! The parsers of what strangers send, each as a function of bytes.
//!
//! Those of `registry/pack` and `imagebuilder/chunks` are public. The others are private to crates that bring a
//! database or an HTTP client along; their files are compiled here as they are, so that
//! building the targets takes a minute. A target fails by panicking, by using too much
//! memory or by not coming back; beside that each function checks what must hold.

#[allow(dead_code, reason = "only its parser is used here")]
#[path = "../../../registry/client/src/auth/challenge.rs"]
mod challenge;
#[allow(dead_code, reason = "only its parser is used here")]
#[path = "../../../registry/server/src/v2/document.rs"]
mod document;
mod error;
#[allow(dead_code, reason = "only its parsers are used here")]
#[path = "../../../registry/server/src/v2/headers.rs"]
mod headers;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use imagebuilder_chunks::{ChunkMap, Disk, Plan};
use registry_pack::{Digest, Limits, Reference, archive, media};

pub(crate) use error::{Code, OciError};

/// A reference as people write it; what it says of itself is read as the same.
pub fn reference(bytes: &[u8]) {
    let Some(reference) = text(bytes).and_then(|text| text.parse::<Reference>().ok()) else {
        return;
    };
    let again = reference.to_string().parse::<Reference>();
    assert!(again.is_ok_and(|again| again == reference));
    assert!(reference.repository.as_str().len() <= 255);
}

/// A digest: of a known algorithm, with the digits that it has.
pub fn digest(bytes: &[u8]) {
    let Some(digest) = text(bytes).and_then(|text| text.parse::<Digest>().ok()) else {
        return;
    };
    assert_eq!(digest.hex().len(), digest.algorithm().hex_len());
    assert_eq!(digest.as_str().as_bytes(), bytes);
}

/// `Range`, `If-Range` and `Content-Range`: never more than there is.
pub fn range(bytes: &[u8]) {
    let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let size = u64::from_le_bytes(*size);
    let Ok(value) = HeaderValue::from_bytes(rest) else {
        return;
    };
    if let Some(chunk) = headers::chunk_range(&value) {
        assert!(chunk.start < chunk.end);
    }
    let mut map = HeaderMap::new();
    map.insert(http::header::RANGE, value.clone());
    let digest = Digest::sha256(b"");
    if let headers::Wanted::Part(part) = headers::wanted(&map, &digest, size) {
        assert!(part.start < part.end && part.end <= size);
    }
    map.insert(http::header::IF_NONE_MATCH, value.clone());
    let _unchanged = headers::is_unchanged(&map, &digest);
    map.insert(http::header::CONTENT_TYPE, value);
    let _media_type = headers::media_type(&map);
}

/// An image manifest.
pub fn manifest(bytes: &[u8]) {
    document(bytes, media::IMAGE_MANIFEST);
}

/// An image index.
pub fn index(bytes: &[u8]) {
    document(bytes, media::IMAGE_INDEX);
}

fn document(bytes: &[u8], media_type: &str) {
    let Ok((document, found)) = document::Document::parse(bytes, Some(media_type)) else {
        return;
    };
    assert_eq!(found, media_type);
    let _references = document.references();
    let _subject = document.subject();
    let _artifact_type = document.artifact_type();
    if let Some(annotations) = document.annotations_json() {
        assert!(serde_json::from_str::<serde_json::Value>(&annotations).is_ok());
    }
}

/// What a server answers to say which token it wants.
pub fn token(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        let _challenge = challenge::Challenge::parse(text);
    }
}

/// The archive of a pack, looked into within bounds.
pub fn pack_archive(bytes: &[u8]) {
    let limits = Limits {
        entries: 1000,
        unpacked_bytes: 8 << 20,
        file_bytes: 4 << 20,
        ..Limits::default()
    };
    let _found = archive::inspect(bytes, &limits);
}

/// The same, of a tar that the compressor of archives wraps: so the fuzzer gets past gzip.
pub fn pack_tar(bytes: &[u8]) {
    let mut gzip = Vec::new();
    stored_gzip(bytes, &mut gzip);
    pack_archive(&gzip);
}

/// RFC 1952 around blocks that are stored, RFC 1951: no compressor is needed.
fn stored_gzip(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut rest = bytes;
    loop {
        let mut block = Vec::new();
        let taken = rest.take(0xffff).read_to_end(&mut block).unwrap_or(0);
        rest = &rest[taken..];
        let length = u16::try_from(taken).unwrap_or(0);
        out.push(u8::from(rest.is_empty()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
        if rest.is_empty() {
            break;
        }
    }
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    out.extend((!crc).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The map of an image's chunks, from a registry: read back as it was written, and planned for.
pub fn chunk_map(bytes: &[u8]) {
    let Ok(map) = ChunkMap::decode(bytes) else {
        return;
    };
    let again = ChunkMap::decode(&map.encode()).expect("what was encoded is decoded");
    assert_eq!(again.size_bytes(), map.size_bytes());
    // With itself at hand, each byte comes from one side, once.
    let plan = Plan::new(&map, &[again]);
    assert_eq!(plan.size_bytes(), map.size_bytes());
    let fetched: u64 = plan.fetches().iter().map(|part| part.end - part.start).sum();
    assert_eq!(fetched, plan.bytes_remote());
    assert!(plan.bytes_remote() + plan.bytes_local() <= map.size_bytes());
}

/// The tables of a disk image, which a person names or a registry sent.
pub fn disk_tables(bytes: &[u8]) {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::temp_dir().join(format!("disk-tables-{}.qcow2", std::process::id()))
    });
    std::fs::write(&*FILE, bytes).expect("room for a file");
    let Ok(disk) = Disk::open(&FILE) else {
        return;
    };
    if let Ok(map) = ChunkMap::of(&disk, &mut |_| ()) {
        assert_eq!(map.size_bytes(), bytes.len() as u64);
    }
}
