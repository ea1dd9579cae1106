//! Two versions of a disk as QEMU writes them: compressed, by several writers at once.

use std::path::{Path, PathBuf};
use std::process::Command;

use imagebuilder_chunks::Disk;

use crate::files::{CLUSTER, apply, map, noise, plan};

const CLUSTERS: usize = 1024;

/// A disk with everything that an image has: what shrinks, what does not, what is empty.
fn raw(changed: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CLUSTERS * CLUSTER);
    for cluster in 0..CLUSTERS {
        let seed = cluster as u64 + if changed(cluster) { 1 << 40 } else { 0 };
        let data = noise(seed, CLUSTER);
        match cluster % 10 {
            0..=4 => bytes.extend(data.iter().map(|byte| byte & 0b11_0001)),
            5..=7 => bytes.extend(data),
            _ => bytes.resize(bytes.len() + CLUSTER, 0),
        }
    }
    bytes
}

/// As the builder writes an image.
fn convert(folder: &Path, name: &str, raw: &[u8]) -> PathBuf {
    let (from, to) = (folder.join("raw"), folder.join(name));
    std::fs::write(&from, raw).expect("written");
    let converted = Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2", "-c"])
        .args(["-o", "compression_type=zstd", "-m", "4", "-W"])
        .args([&from, &to])
        .status();
    assert!(converted.expect("qemu-img is installed").success());
    to
}

#[test]
fn the_next_version_of_a_disk_is_little_more_than_what_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = convert(folder.path(), "first", &raw(|_| false));
    // One of twenty, scattered, and nothing near another.
    let second = convert(folder.path(), "second", &raw(|cluster| cluster % 20 == 3));
    let here = [Disk::open(&first).expect("a disk")];
    let wanted = std::fs::read(&second).expect("a file");
    let plan = plan(&wanted, &here);
    assert!(apply(&plan, &here, &wanted) == wanted);
    let share = plan.bytes_remote() as f64 / wanted.len() as f64;
    println!("measured: fetched of a disk with 5 % changed: {share:.3}");
    assert!(share <= 0.15, "{share}");
    assert!(share > 0.01, "{share}: what changed has to be fetched");
}

#[test]
fn the_same_disk_written_twice_is_the_same_but_for_its_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = raw(|_| false);
    let here = [Disk::open(&convert(folder.path(), "one", &raw)).expect("a disk")];
    let wanted = std::fs::read(convert(folder.path(), "other", &raw)).expect("a file");
    let plan = plan(&wanted, &here);
    let share = plan.bytes_remote() as f64 / wanted.len() as f64;
    println!("measured: fetched of a disk that was written again: {share:.4}");
    assert!(share <= 0.02, "{share}");
}

#[test]
fn a_map_is_small_beside_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::open(&convert(folder.path(), "one", &raw(|_| false))).expect("a disk");
    let map = map(&disk).encode();
    assert!(
        (map.len() as u64) < disk.size_bytes() / 500,
        "{} bytes",
        map.len()
    );
}
