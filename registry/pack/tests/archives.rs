//! Archives: the same bytes everywhere, and nothing harmful comes out.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use proptest::prelude::*;
use registry_pack::{ErrorKind, Limits, PackError, archive};
use tar::EntryType;

use crate::support::{Tar, folder, gz, open, pack_json};

fn golden() -> (archive::Archive, Vec<u8>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden");
    let mut bytes = Vec::new();
    let archive = archive::write(&open(&root).unwrap(), &mut bytes).unwrap();
    (archive, bytes)
}

/// If this fails, packs that were pushed before would be pushed anew. Only a
/// decision to change the form may change the digest.
#[test]
fn the_golden_pack_has_its_digest() {
    let (archive, bytes) = golden();
    assert_eq!(archive.title, "golden-1.2.3.tar.gz");
    assert_eq!(archive.size_bytes, bytes.len() as u64);
    assert_eq!(archive.digest, registry_pack::Digest::sha256(&bytes));
    assert_eq!(archive.digest.as_str(), GOLDEN);
}

const GOLDEN: &str = "sha256:aff6c86c5b57e357829ee726aefb124f76060963066398fa1e898ea87161ec73";

#[test]
fn entries_are_sorted_and_say_nothing_about_the_machine() {
    let (_, bytes) = golden();
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let mut paths = Vec::new();
    for entry in tar.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let executable = path.ends_with('/') || path.ends_with(".sh");
        assert_eq!(
            header.mode().unwrap(),
            if executable { 0o755 } else { 0o644 },
            "{path}"
        );
        assert_eq!(
            (
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.mtime().unwrap()
            ),
            (0, 0, 0)
        );
        assert_eq!(header.username_bytes().unwrap_or_default(), b"");
        paths.push(path);
    }
    assert!(paths.is_sorted(), "{paths:?}");
    assert!(
        paths.iter().any(|path| path.len() > 100),
        "the long path is there"
    );
    assert_eq!(paths[0], "golden-1.2.3/");
}

#[test]
fn modes_and_owners_on_disk_do_not_count() {
    let (_temp, root) = folder(&[("pack.json", &pack_json("")), ("a.sh", "x")]);
    let write = || {
        let mut bytes = Vec::new();
        archive::write(&open(&root).unwrap(), &mut bytes)
            .unwrap()
            .digest
    };
    let before = write();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(root.join("pack.json"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(write(), before);
        fs::set_permissions(root.join("a.sh"), fs::Permissions::from_mode(0o711)).unwrap();
        assert_ne!(write(), before);
    }
    fs::create_dir(root.join("empty")).unwrap();
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    for text in ["", "1234", "123456789"] {
        let (_temp, root) = folder(&[("pack.json", &pack_json("")), ("a", "12345")]);
        let pack = open(&root).unwrap();
        fs::write(root.join("a"), text).unwrap();
        let result = archive::write(&pack, io::sink());
        if text.starts_with("12345") {
            // Only the bytes that were promised are read, and these are the same.
            assert!(result.is_ok());
        } else {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Io, "{text:?}");
        }
    }
}

/// The people's own tool agrees about what is in it.
#[test]
fn the_tar_program_reads_it() {
    let (_, bytes) = golden();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golden.tar.gz");
    fs::write(&file, &bytes).unwrap();
    let mut tar = std::process::Command::new("tar");
    let Ok(output) = tar
        .arg("-xzf")
        .arg(&file)
        .arg("-C")
        .arg(folder.path())
        .output()
    else {
        println!("skipped: there is no program tar");
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let inspection = archive::inspect(&bytes[..], &Limits::default()).unwrap();
    let unpacked = open(&folder.path().join("golden-1.2.3")).unwrap();
    assert_eq!(unpacked.files, inspection.files);
}

/// Both ways of reading refuse it for the same reason, and nothing is left.
fn refuse(bytes: &[u8], limits: &Limits, kind: ErrorKind, part: &str) {
    let dest = tempfile::tempdir().unwrap();
    let inspected = archive::inspect(bytes, limits).unwrap_err();
    let unpacked = archive::unpack(bytes, dest.path(), limits).unwrap_err();
    for error in [inspected, unpacked] {
        let text = chain(&error);
        assert!(text.contains(part), "{part:?} is not in {text:?}");
        assert_eq!(error.kind(), kind, "{text}");
    }
    assert_eq!(
        fs::read_dir(dest.path()).unwrap().count(),
        0,
        "{part}: something was left"
    );
}

fn chain(error: &PackError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn demo() -> Tar {
    Tar::new()
        .file("demo/pack.json", &pack_json(""))
        .file("demo/values.yaml", "")
}

#[test]
fn hostile_entries_are_refused() {
    let limits = Limits::default();
    let cases = [
        (
            demo().file("demo/../../evil", "x"),
            "leads out of the folder",
        ),
        (demo().file("../evil", "x"), "leads out of the folder"),
        (demo().file("/etc/evil", "x"), "is absolute"),
        (demo().file("demo/a\\b", "x"), "backslash"),
        (demo().file("demo/a\nb", "x"), "control character"),
        (
            demo().entry(EntryType::Symlink, "demo/link", b""),
            "it is a link",
        ),
        (
            demo().entry(EntryType::Link, "demo/link", b""),
            "it is a link",
        ),
        (
            demo().entry(EntryType::Char, "demo/dev", b""),
            "it is a device",
        ),
        (
            demo().entry(EntryType::Block, "demo/dev", b""),
            "it is a device",
        ),
        (
            demo().entry(EntryType::Fifo, "demo/pipe", b""),
            "it is a named pipe",
        ),
        (
            demo().entry(EntryType::GNUSparse, "demo/sparse", b""),
            "of a kind that packs do not have",
        ),
        (demo().file("demo/values.yaml", "again"), "has it twice"),
        (demo().file("demo/./values.yaml", "again"), "has it twice"),
        (demo().file("demo/values.yaml/below", "x"), "has it twice"),
        (demo().file("other/pack.json", "{}"), "second top folder"),
        (demo().file("pack.json", "{}"), "outside of the top folder"),
        (
            demo().pax_file("demo/../../evil", "x"),
            "leads out of the folder",
        ),
    ];
    for (tar, part) in cases {
        refuse(&tar.gz(), &limits, ErrorKind::Refused, part);
    }
}

#[test]
fn limits_hold_for_archives() {
    let default = Limits::default;
    let long = format!("demo/{}", "a/".repeat(40));
    for (tar, limits, part) in [
        (
            demo(),
            Limits {
                entries: 1,
                ..default()
            },
            "the number of",
        ),
        (
            demo().file("demo/x", "12345"),
            Limits {
                file_bytes: 70,
                ..default()
            },
            "the file pack.json",
        ),
        (
            demo(),
            Limits {
                unpacked_bytes: 20,
                ..default()
            },
            "the whole pack",
        ),
        (
            demo(),
            Limits {
                archive_bytes: 20,
                ..default()
            },
            "the archive exceeds",
        ),
        (
            demo().file(&format!("{long}x"), ""),
            Limits {
                depth: 20,
                ..default()
            },
            "the depth",
        ),
        (
            demo().pax_file(&format!("demo/{}", "x".repeat(2000)), ""),
            default(),
            "the path",
        ),
        (
            demo().entry(EntryType::GNULongName, "x", &[b'x'; 5000]),
            default(),
            "a path in the archive",
        ),
        (
            demo().entry(EntryType::XHeader, "x", &[b'x'; 70_000]),
            default(),
            "an extended header",
        ),
    ] {
        refuse(&tar.gz(), &limits, ErrorKind::Refused, part);
    }
}

/// Ten gigabytes of zeros, made of one small gzip member over and over.
#[test]
fn a_bomb_is_refused_early() {
    const MEMBER: usize = 10 * 1024 * 1024;
    let zeros = gz(&vec![0; MEMBER]);
    for size in [100_u64 * 1024 * 1024, 10 * 1024 * 1024 * 1024] {
        let mut header = tar::Header::new_gnu();
        header.set_path("demo/zeros").unwrap();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        let tail = zeros.repeat(1000);
        let mut head = gz(header.as_bytes());
        head.extend_from_slice(&tail);
        let mut read = 0;
        let reader = Counting {
            inner: &head[..],
            read: &mut read,
        };
        let error = archive::inspect(reader, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(
            read < 200_000,
            "{read} of {} bytes were read before {error}",
            head.len()
        );
        refuse(
            &head,
            &Limits::default(),
            ErrorKind::Refused,
            "exceeds the limit",
        );
    }
}

struct Counting<'a, R> {
    inner: R,
    read: &'a mut usize,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        *self.read += count;
        Ok(count)
    }
}

#[test]
fn damaged_archives_are_told_from_short_ones() {
    let (_, bytes) = golden();
    let limits = Limits::default();
    for end in [0, 5, 20, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
        refuse(
            &bytes[..end],
            &limits,
            ErrorKind::Invalid,
            "the archive cannot be read",
        );
    }
    refuse(
        &bytes[..bytes.len() / 2],
        &limits,
        ErrorKind::Invalid,
        "it ends too early",
    );
    refuse(
        b"this is no archive at all",
        &limits,
        ErrorKind::Invalid,
        "no gzipped tar archive",
    );
    refuse(&gz(b""), &limits, ErrorKind::Invalid, "it is empty");
    let mut flipped = bytes.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 0xff;
    refuse(&flipped, &limits, ErrorKind::Invalid, "damaged");
}

#[test]
fn an_archive_without_a_usable_pack_leaves_nothing() {
    let limits = Limits::default();
    refuse(
        &Tar::new().file("x/README.md", "").gz(),
        &limits,
        ErrorKind::NotFound,
        "x/pack.json",
    );
    refuse(
        &Tar::new().file("x/pack.json", "{").gz(),
        &limits,
        ErrorKind::Invalid,
        "pack.json:1:",
    );
}

#[test]
fn archives_of_others_are_read() {
    let name = format!("a-file-with-a-long-name-{}", "x".repeat(120));
    let tar = Tar::new()
        .entry(EntryType::XGlobalHeader, "pax_global_header", b"")
        .entry(EntryType::Directory, "./", b"")
        .entry(EntryType::Directory, "./any-folder/", b"")
        .file("./any-folder/pack.json", &pack_json(""))
        .file("./any-folder/values.yaml", "a: 1\n")
        .file("./any-folder/.git/config", "not content")
        .entry(EntryType::Directory, "./any-folder/empty/", b"")
        .pax_file(&format!("./any-folder/docs/{name}"), "long");
    let bytes = tar.gz();
    let inspection = archive::inspect(&bytes[..], &Limits::default()).unwrap();
    assert_eq!(inspection.top_folder, "any-folder");
    assert_eq!(inspection.values.as_deref(), Some("a: 1\n"));
    assert!(!inspection.has_logo);
    let paths: Vec<_> = inspection
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(paths, [&format!("docs/{name}"), "pack.json", "values.yaml"]);

    let dest = tempfile::tempdir().unwrap();
    let root = archive::unpack(
        &bytes[..],
        &dest.path().join("new/place"),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(root, dest.path().join("new/place/demo-1.0.0"));
    assert_eq!(
        open(&root).unwrap().content_digest(),
        inspection.content_digest
    );
    let error = archive::unpack(
        &bytes[..],
        &dest.path().join("new/place"),
        &Limits::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("the target exists already"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a byte is changed to, reading ends, and says yes or no.
    #[test]
    fn a_changed_byte_does_no_harm(at in 0usize..4096, byte: u8) {
        let tar = demo().file("demo/charts/x.tgz", "no chart");
        let mut bytes = tar.gz();
        let at = at % bytes.len();
        bytes[at] = byte;
        drop(archive::inspect(&bytes[..], &Limits::default()));
    }
}
