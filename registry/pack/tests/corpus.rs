//! The 25 public packs of the fixture archive, if it is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use registry_pack::{Limits, Pack, Profile, archive, lint};

/// Unpacks the fixture archive; None where it is absent.
fn corpus() -> Option<(tempfile::TempDir, Vec<PathBuf>)> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let archive = workspace.join("../shared/fixtures/pack-central-sample.tar.gz");
    let Ok(file) = fs::File::open(&archive) else {
        println!(
            "skipped: the sample of public packs is not at {}",
            archive.display()
        );
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(GzDecoder::new(file))
        .unpack(folder.path())
        .unwrap();
    let packs = fs::read_dir(folder.path().join("packs")).unwrap();
    let mut packs: Vec<_> = packs.map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    Some((folder, packs))
}

#[test]
fn every_public_pack_opens_and_comes_back_the_same() {
    let Some((_folder, packs)) = corpus() else {
        return;
    };
    assert_eq!(packs.len(), 25);
    let limits = Limits::default();
    for dir in packs {
        let pack = Pack::open(&dir, &limits).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let mut bytes = Vec::new();
        let written = archive::write(&pack, &mut bytes).unwrap();
        let mut again = Vec::new();
        assert_eq!(archive::write(&pack, &mut again).unwrap(), written);
        assert!(bytes == again, "{}: two archives differ", dir.display());

        let inspection = archive::inspect(&bytes[..], &limits).unwrap();
        assert_eq!(inspection.manifest, pack.manifest);
        assert_eq!(inspection.files, pack.files);
        assert_eq!(inspection.values, pack.values);
        assert_eq!(inspection.content_digest, pack.content_digest());

        let dest = tempfile::tempdir().unwrap();
        let root = archive::unpack(&bytes[..], dest.path(), &limits).unwrap();
        assert_eq!(root, dest.path().join(pack.folder_name()));
        assert_eq!(contents(&root), contents(&dir), "{}", dir.display());
        let back = Pack::open(&root, &limits).unwrap();
        assert_eq!(back.files, pack.files);
    }
}

#[test]
fn the_lint_says_what_is_known_about_the_public_packs() {
    let Some((_folder, packs)) = corpus() else {
        return;
    };
    let mut by_rule: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for dir in packs {
        let pack = Pack::open(&dir, &Limits::default()).unwrap();
        for finding in lint::lint(&pack) {
            assert!(!finding.is_error(), "{}: {finding}", pack.folder);
            assert!(!finding.remedy.is_empty(), "{finding:?}");
            by_rule
                .entry(finding.rule)
                .or_default()
                .push(pack.folder.clone());
        }
    }
    let counts: BTreeMap<&str, usize> = by_rule
        .iter()
        .map(|(rule, packs)| (*rule, packs.len()))
        .collect();
    let expected = BTreeMap::from([
        ("chart-version", 2),
        ("content-images", 9),
        ("folder-name", 6),
        ("leftover-file", 2),
        ("readme-missing", 7),
        ("unreferenced-chart", 2),
    ]);
    assert_eq!(counts, expected, "{by_rule:#?}");
    assert_eq!(
        by_rule["unreferenced-chart"],
        ["karpenter-1.5.1", "thanos-17.6.0"]
    );
}

/// The packs and profiles of this repository.
#[test]
fn our_own_packs_and_profiles_have_nothing_to_complain_about() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let files = walkdir::WalkDir::new(&packs)
        .into_iter()
        .map(Result::unwrap);
    let (mut seen_packs, mut seen_profiles) = (0, 0);
    for file in files.filter(|entry| entry.file_type().is_file()) {
        let path = file.path();
        if file.file_name() == "pack.json" {
            seen_packs += 1;
            let findings = lint::lint_folder(path.parent().unwrap(), &Limits::default()).unwrap();
            assert_eq!(findings, [], "{}", path.display());
        } else if path.parent().unwrap().ends_with("packs/profiles")
            && path.extension().is_some_and(|e| e == "yaml")
        {
            seen_profiles += 1;
            let text = fs::read_to_string(path).unwrap();
            let profile = Profile::parse(&text, &path.display().to_string()).unwrap();
            let errors: Vec<_> = profile
                .lint()
                .into_iter()
                .filter(lint::Finding::is_error)
                .collect();
            assert_eq!(errors, [], "{}", path.display());
        }
    }
    assert!(
        seen_packs > 0 && seen_profiles > 0,
        "{seen_packs} packs, {seen_profiles} profiles"
    );
}

/// For a whole checkout of public packs: what opens, what does not, and which
/// rules speak how often. Nothing may panic.
#[test]
fn a_larger_corpus_is_read_without_a_crash() {
    let Ok(folder) = std::env::var("PACKYARD_PACK_CORPUS") else {
        println!("skipped: PACKYARD_PACK_CORPUS names no folder of packs");
        return;
    };
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let dir = entry.unwrap().path();
        match lint::lint_folder(&dir, &Limits::default()) {
            Ok(findings) => {
                for finding in findings {
                    println!("{}: {finding}", dir.file_name().unwrap().to_string_lossy());
                    *by_rule.entry(finding.rule).or_default() += 1;
                }
            }
            Err(error) => println!("{}: {error}", dir.display()),
        }
    }
    println!("{by_rule:#?}");
}

fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.file_type().is_file());
    files
        .map(|e| {
            (
                e.path().strip_prefix(root).unwrap().to_owned(),
                fs::read(e.path()).unwrap(),
            )
        })
        .collect()
}
