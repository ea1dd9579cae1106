//! Makes qcow2 files by hand, and files out of plans.

use std::os::unix::fs::FileExt as _;

use imagebuilder_chunks::{ChunkMap, Disk, Plan};

/// Clusters of 64 KiB. Header, first-level table and second-level table are one each; data follows.
pub(crate) const CLUSTER: usize = 64 << 10;
pub(crate) const L1_AT: usize = CLUSTER;
pub(crate) const L2_AT: usize = 2 * CLUSTER;
const DATA_AT: usize = 3 * CLUSTER;

/// What a guest's cluster is in the file.
#[derive(Clone)]
pub(crate) enum Cluster {
    /// Compressed: begins at any byte.
    Packed(Vec<u8>),
    /// As it is, at a cluster's begin.
    Whole(Vec<u8>),
}

/// A file with these clusters, written in this order.
pub(crate) fn qcow2(clusters: &[Cluster], order: &[usize]) -> Vec<u8> {
    let mut file = vec![0; DATA_AT];
    file[..4].copy_from_slice(b"QFI\xfb");
    file[4..8].copy_from_slice(&3_u32.to_be_bytes());
    file[20..24].copy_from_slice(&16_u32.to_be_bytes());
    file[24..32].copy_from_slice(&((clusters.len() * CLUSTER) as u64).to_be_bytes());
    file[36..40].copy_from_slice(&1_u32.to_be_bytes());
    file[40..48].copy_from_slice(&(L1_AT as u64).to_be_bytes());
    put(&mut file, L1_AT, L2_AT as u64 | 1 << 63);
    for &guest in order {
        let entry = append(&mut file, &clusters[guest]);
        put(&mut file, L2_AT + guest * 8, entry);
    }
    file
}

fn append(file: &mut Vec<u8>, cluster: &Cluster) -> u64 {
    match cluster {
        Cluster::Packed(bytes) => {
            let at = file.len();
            file.extend(bytes);
            let more_sectors = (at % 512 + bytes.len()).div_ceil(512) - 1;
            1 << 62 | (more_sectors as u64) << 54 | at as u64
        }
        Cluster::Whole(bytes) => {
            assert_eq!(bytes.len(), CLUSTER);
            file.resize(file.len().next_multiple_of(CLUSTER), 0);
            let at = file.len();
            file.extend(bytes);
            1 << 63 | at as u64
        }
    }
}

/// Writes an entry of a table.
pub(crate) fn put(file: &mut [u8], at: usize, entry: u64) {
    file[at..at + 8].copy_from_slice(&entry.to_be_bytes());
}

/// Bytes that do not repeat; another seed gives others.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The bytes as an open disk.
pub(crate) fn disk(bytes: &[u8]) -> Disk {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("disk.qcow2");
    std::fs::write(&path, bytes).expect("written");
    Disk::open(&path).expect("a disk")
}

pub(crate) fn map(disk: &Disk) -> ChunkMap {
    let mut done = 0;
    let map = ChunkMap::of(disk, &mut |bytes| done = bytes).expect("a map");
    assert_eq!(
        (map.size_bytes(), done),
        (disk.size_bytes(), disk.size_bytes())
    );
    map
}

/// Plans `wanted` with the others at hand.
pub(crate) fn plan(wanted: &[u8], here: &[Disk]) -> Plan {
    let maps: Vec<ChunkMap> = here.iter().map(map).collect();
    Plan::new(&map(&disk(wanted)), &maps)
}

/// Carries a plan out; what it fetches comes from the wanted bytes.
pub(crate) fn apply(plan: &Plan, here: &[Disk], wanted: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made");
    let made = std::fs::File::create(&path).expect("a file");
    plan.copy(here, &made, &mut |_| ()).expect("copied");
    for range in plan.fetches() {
        let bytes = &wanted[range.start as usize..range.end as usize];
        made.write_all_at(bytes, range.start).expect("written");
    }
    std::fs::read(path).expect("a file")
}
