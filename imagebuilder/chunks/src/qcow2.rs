//! Where the host clusters of a qcow2 file begin and end.
//!
//! The format is QEMU's `docs/interop/qcow2.rst`. The tables only say where to cut: a file whose
//! tables lie is cut in odd places, and is still described byte for byte. So what would make a
//! guest unreadable is passed over here, and what would cost memory or time without end is refused.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::disk::Disk;
use crate::error::CutError;
use crate::map::MAX_CHUNKS;

const MAGIC: &[u8] = b"QFI\xfb";
/// As far as the incompatible features of version 3; files of version 2 are longer too.
const HEADER_BYTES: usize = 80;
/// QEMU's own bounds: clusters of 512 bytes to 2 MiB, 32 MiB of first-level table.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
const MAX_L1_BYTES: u64 = 32 << 20;
/// Second-level tables for 2 TiB of disk in clusters of 64 KiB.
const MAX_L2_BYTES: u64 = 256 << 20;

/// Bits 9 to 55 of an entry are where a table or a cluster begins.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const SECTOR_BYTES: u64 = 512;

/// Bits of the incompatible features.
const EXTERNAL_DATA: u64 = 1 << 2;
const EXTENDED_L2: u64 = 1 << 4;
/// Dirty, corrupt, external data, compression type, extended entries.
const KNOWN_FEATURES: u64 = 0b1_1111;

/// What the header says of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    cluster_bits: u32,
    l1: Extent,
    refcounts: Extent,
    entry_bytes: usize,
}

/// A stretch of the file: `start`, and `end` which is no longer part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    start: u64,
    end: u64,
}

impl Extent {
    fn new(start: u64, size: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(size),
        }
    }
}

/// Where to cut a file, sorted: neither its begin nor its end.
pub(crate) fn cuts(disk: &Disk) -> Result<Vec<u64>, CutError> {
    let (header, size) = (disk.header, disk.size_bytes());
    let cluster = header.cluster_bytes();
    let mut extents = Extents {
        found: Vec::new(),
        size,
    };
    extents.add(Extent::new(0, cluster))?;
    extents.add(header.l1)?;
    extents.add(header.refcounts)?;
    let mut table = vec![0; cluster as usize];
    for start in header.l2_tables(&disk.file, size)? {
        extents.add(Extent::new(start, cluster))?;
        disk.file.read_exact_at(&mut table, start)?;
        for entry in table.chunks_exact(header.entry_bytes) {
            if let Some(extent) = header.data(word(entry, 0)) {
                extents.add(extent)?;
            }
        }
    }
    Ok(extents.cuts())
}

impl Header {
    pub(crate) fn read(file: &File) -> Result<Self, CutError> {
        let mut bytes = [0; HEADER_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(CutError::NotQcow2),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, CutError> {
        let version = half(bytes, 4);
        if !bytes.starts_with(MAGIC) || !matches!(version, 2 | 3) {
            return Err(CutError::NotQcow2);
        }
        let features = if version == 3 { word(bytes, 72) } else { 0 };
        if features & EXTERNAL_DATA != 0 {
            return Err(CutError::Unsupported("its data is in another file"));
        }
        if features & !KNOWN_FEATURES != 0 {
            return Err(CutError::Unsupported("it has features of a newer QEMU"));
        }
        let cluster_bits = half(bytes, 20);
        if !CLUSTER_BITS.contains(&cluster_bits) {
            return Err(CutError::Malformed("clusters of an impossible size"));
        }
        let l1_bytes = u64::from(half(bytes, 36)) * 8;
        if l1_bytes > MAX_L1_BYTES {
            return Err(CutError::TooLarge("more than 32 MiB of first-level table"));
        }
        let refcount_bytes = u64::from(half(bytes, 56)) << cluster_bits;
        Ok(Self {
            cluster_bits,
            l1: Extent::new(word(bytes, 40), l1_bytes),
            refcounts: Extent::new(word(bytes, 48), refcount_bytes),
            entry_bytes: if features & EXTENDED_L2 != 0 { 16 } else { 8 },
        })
    }

    fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Where the second-level tables begin, each once, however often it is named.
    fn l2_tables(&self, file: &File, size: u64) -> Result<Vec<u64>, CutError> {
        if self.l1.end > size {
            return Err(CutError::Malformed(
                "the first-level table ends behind the file",
            ));
        }
        let mut l1 = vec![0; (self.l1.end - self.l1.start) as usize];
        file.read_exact_at(&mut l1, self.l1.start)?;
        let entries = l1.chunks_exact(8).map(|entry| word(entry, 0) & OFFSET);
        let mut tables: Vec<u64> = entries.filter(|start| *start != 0).collect();
        tables.sort_unstable();
        tables.dedup();
        let cluster = self.cluster_bytes();
        if tables.iter().any(|start| start % cluster != 0) {
            return Err(CutError::Malformed(
                "a second-level table begins within a cluster",
            ));
        }
        if tables.last().is_some_and(|last| last + cluster > size) {
            return Err(CutError::Malformed(
                "a second-level table ends behind the file",
            ));
        }
        match tables.len() as u64 * cluster > MAX_L2_BYTES {
            true => Err(CutError::TooLarge(
                "more than 256 MiB of second-level tables",
            )),
            false => Ok(tables),
        }
    }

    /// Where the cluster of a second-level entry is, if it has one. A compressed one begins at any
    /// byte and says how many sectors it touches: its end is the latest possible one.
    fn data(&self, entry: u64) -> Option<Extent> {
        if entry & COMPRESSED == 0 {
            let start = entry & OFFSET;
            return (start != 0).then(|| Extent::new(start, self.cluster_bytes()));
        }
        let sector_bits = self.cluster_bits - 8;
        let offset_bits = 62 - sector_bits;
        let start = entry & ((1 << offset_bits) - 1);
        let more_sectors = (entry >> offset_bits) & ((1 << sector_bits) - 1);
        let first_sector = start - start % SECTOR_BYTES;
        let end = first_sector.saturating_add((more_sectors + 1) * SECTOR_BYTES);
        Some(Extent { start, end })
    }
}

/// What is in the file, in any order.
struct Extents {
    found: Vec<Extent>,
    size: u64,
}

impl Extents {
    fn add(&mut self, extent: Extent) -> Result<(), CutError> {
        // Clusters that were promised and never written are behind the end.
        if extent.start >= self.size {
            return Ok(());
        }
        if self.found.len() == MAX_CHUNKS {
            return Err(CutError::TooLarge("more than a million clusters"));
        }
        self.found.push(extent);
        Ok(())
    }

    /// Each begin, and each end before the next begin: behind it is room that nothing uses, or a
    /// table that nothing here has named. Where extents overlap, begins are all there is.
    fn cuts(mut self) -> Vec<u64> {
        self.found.sort_unstable();
        let mut cuts = Vec::with_capacity(self.found.len());
        for (at, extent) in self.found.iter().enumerate() {
            let next = self.found.get(at + 1).map_or(self.size, |next| next.start);
            cuts.extend([extent.start, extent.end.min(next)]);
        }
        cuts.dedup();
        cuts.retain(|cut| (1..self.size).contains(cut));
        cuts
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    word.map_or(0, u64::from_be_bytes)
}

fn half(bytes: &[u8], at: usize) -> u32 {
    let half = bytes.get(at..at + 4).and_then(|half| half.try_into().ok());
    half.map_or(0, u32::from_be_bytes)
}
