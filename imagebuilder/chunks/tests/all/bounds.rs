//! Files whose tables lie: each ends with an answer or a map of the whole file, in bounded memory.

use std::os::unix::fs::FileExt as _;

use imagebuilder_chunks::{ChunkMap, CutError, Disk};

use crate::files::{CLUSTER, Cluster, L1_AT, L2_AT, noise, put, qcow2};

fn good() -> Vec<u8> {
    let clusters: Vec<Cluster> = (1..9)
        .map(|seed| Cluster::Packed(noise(seed, 9_000)))
        .collect();
    qcow2(&clusters, &[0, 1, 2, 3, 4, 5, 6, 7])
}

fn cut(bytes: &[u8]) -> Result<ChunkMap, CutError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disk.qcow2");
    std::fs::write(&path, bytes).expect("written");
    ChunkMap::of(&Disk::open(&path)?, &mut |_| ())
}

fn word(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let check = |why: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good();
        change(&mut bytes);
        let refused = cut(&bytes).unwrap_err().to_string();
        assert!(refused.contains(why), "{why:?} is not in {refused:?}");
    };
    check("no qcow2", &|bytes| bytes.clear());
    check("no qcow2", &|bytes| bytes.truncate(79));
    check("no qcow2", &|bytes| bytes[0] = 0);
    check("no qcow2", &|bytes| word(bytes, 4, 4));
    check("another file", &|bytes| bytes[79] |= 4);
    check("newer QEMU", &|bytes| bytes[72] |= 1);
    check("impossible size", &|bytes| word(bytes, 20, 8));
    check("impossible size", &|bytes| word(bytes, 20, 22));
    check("impossible size", &|bytes| word(bytes, 20, u32::MAX));
    check("first-level table", &|bytes| word(bytes, 36, u32::MAX));
    check("first-level table ends", &|bytes| word(bytes, 36, 1 << 22));
    check("first-level table ends", &|bytes| put(bytes, 40, u64::MAX));
    check("within a cluster", &|bytes| {
        put(bytes, L1_AT, L2_AT as u64 + 512);
    });
    check("second-level table ends", &|bytes| {
        put(bytes, L1_AT, (u64::MAX >> 8) & !0xffff);
    });
    check("second-level table ends", &|bytes| {
        bytes.truncate(L2_AT + 512);
    });
}

#[test]
fn tables_that_lie_give_a_map_of_the_whole_file_all_the_same() {
    let check = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good();
        change(&mut bytes);
        let map = cut(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(map.size_bytes(), bytes.len() as u64, "{what}");
        assert_eq!(ChunkMap::decode(&map.encode()), Ok(map), "{what}");
    };
    check("as it is", &|_| ());
    check("version 2", &|bytes| word(bytes, 4, 2));
    check("behind the end", &|bytes| put(bytes, L2_AT, 1 << 54));
    check("all bits", &|bytes| put(bytes, L2_AT, u64::MAX));
    check("overlapping", &|bytes| {
        for entry in 0..8 {
            put(
                bytes,
                L2_AT + entry * 8,
                3 * CLUSTER as u64 + 512 * entry as u64,
            );
        }
    });
    check("one cluster for all", &|bytes| {
        for entry in 0..CLUSTER / 8 {
            put(bytes, L2_AT + entry * 8, 3 * CLUSTER as u64);
        }
    });
    check("one table for all", &|bytes| {
        word(bytes, 36, 8192);
        for entry in 0..8192 {
            put(bytes, L1_AT + entry * 8, L2_AT as u64);
        }
    });
    check("the table is data", &|bytes| {
        put(bytes, L2_AT, L2_AT as u64);
    });
    check("no room for counts", &|bytes| word(bytes, 56, u32::MAX));
    check("entries of 16 bytes", &|bytes| bytes[79] |= 16);
    check("no table", &|bytes| word(bytes, 36, 0));
}

#[test]
fn damage_anywhere_in_the_tables_never_does_worse_than_an_error() {
    let good = good();
    let dice = noise(7, 4 * 1000);
    for throw in dice.chunks_exact(4) {
        let mut bytes = good.clone();
        // The parts that are read: 80 bytes of header, one entry above, some below.
        let (area, at) = (throw[0] % 3, usize::from(throw[1]));
        let at = [at % 80, L1_AT + at % 8, L2_AT + at % 64][usize::from(area)];
        bytes[at] ^= throw[2].max(1);
        if let Ok(map) = cut(&bytes) {
            assert_eq!(map.size_bytes(), bytes.len() as u64, "{at} {}", throw[2]);
        }
    }
}

/// A sparse file in clusters of 2 MiB with so many second-level tables.
fn large(tables: u64, entry: impl Fn(u64) -> u64) -> (tempfile::TempDir, Disk) {
    const LARGE: u64 = 2 << 20;
    let mut head = good();
    head.truncate(L2_AT);
    word(&mut head, 20, 21);
    word(&mut head, 36, tables as u32);
    for table in 0..tables {
        put(&mut head, L1_AT + table as usize * 8, (table + 1) * LARGE);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disk.qcow2");
    std::fs::write(&path, head).expect("written");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("written");
    file.set_len((tables + 1) * LARGE).expect("written");
    for table in 0..tables.min(5) {
        let entries = (0..LARGE / 8).map(|at| entry(table * LARGE / 8 + at));
        let bytes: Vec<u8> = entries.flat_map(u64::to_be_bytes).collect();
        file.write_all_at(&bytes, (table + 1) * LARGE)
            .expect("written");
    }
    let disk = Disk::open(&path).expect("a disk");
    (folder, disk)
}

#[test]
fn what_would_take_memory_or_time_without_end_is_refused() {
    let check = |why: &str, (_folder, disk): (tempfile::TempDir, Disk)| {
        let refused = ChunkMap::of(&disk, &mut |_| ()).unwrap_err().to_string();
        assert!(refused.contains(why), "{why:?} is not in {refused:?}");
    };
    check("a million clusters", large(5, |at| 1 << 62 | at));
    check("256 MiB", large(129, |_| 0));
}

#[test]
fn a_folder_and_a_file_that_is_not_there_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = |path| Disk::open(path).unwrap_err();
    assert!(matches!(opened(folder.path()), CutError::NotQcow2));
    assert!(matches!(
        opened(&folder.path().join("none")),
        CutError::Io(_)
    ));
}
