//! Bounds on what is read. A pack may come from anybody, so everything that
//! grows with the input has one.

/// Bounds for opening, unpacking and inspecting packs.
///
/// The defaults leave room: the largest of 220 public packs has 426 files and
/// 5.3 MB, its largest file 2.5 MB, its longest path 194 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files and folders in a pack. 20 000: an index row and a hash each.
    pub entries: u64,
    /// Bytes of all files together. 512 MiB: larger things belong into a bundle.
    pub unpacked_bytes: u64,
    /// Bytes of one file. 128 MiB, the size at which a chart is certainly not a chart.
    pub file_bytes: u64,
    /// Compressed bytes that are read of an archive. 256 MiB; without this an
    /// archive of empty blocks could be read for ever.
    pub archive_bytes: u64,
    /// Bytes out per byte in. 200: real packs stay below 20, zeros reach 1000.
    pub ratio: u64,
    /// Bytes that may come out before the ratio is looked at. 1 MiB, because
    /// tiny archives pad to whole blocks.
    pub ratio_grace_bytes: u64,
    /// Bytes of a text that is kept in memory (`values.yaml` and its like). 1 MiB;
    /// the longest public one has 289 kB, and parsing takes many times the text.
    pub text_bytes: u64,
    /// Bytes of a path inside a pack. 1024, a quarter of what Linux allows.
    pub path_bytes: usize,
    /// Folders within folders. 64, so that nothing recursive ends the program.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            entries: 20_000,
            unpacked_bytes: 512 * MIB,
            file_bytes: 128 * MIB,
            archive_bytes: 256 * MIB,
            ratio: 200,
            ratio_grace_bytes: MIB,
            text_bytes: MIB,
            path_bytes: 1024,
            depth: 64,
        }
    }
}
