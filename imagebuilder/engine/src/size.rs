//! How large a build machine is, in one word: `2x2048` is two processors and 2048 MiB.
//!
//! Slots are counted by it, and a build that finds no room for one size can take another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Processors and memory of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineSize {
    /// Processors.
    pub cpus: u16,
    /// Memory, in MiB.
    pub memory_mib: u64,
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no machine size; write processors and MiB of memory, such as 2x2048")]
pub struct ParseSizeError(String);

impl MachineSize {
    /// Memory, in bytes.
    #[must_use]
    pub fn memory_bytes(self) -> u64 {
        self.memory_mib << 20
    }
}

impl fmt::Display for MachineSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.cpus, self.memory_mib)
    }
}

impl FromStr for MachineSize {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, ParseSizeError> {
        // A TiB is more than any build needs, and shifts without overflow.
        let fits = |size: &Self| size.cpus > 0 && (1..=1 << 20).contains(&size.memory_mib);
        let parse = || {
            let (cpus, memory) = text.split_once('x')?;
            Some(Self {
                cpus: cpus.parse().ok()?,
                memory_mib: memory.parse().ok()?,
            })
        };
        parse()
            .filter(fits)
            .ok_or_else(|| ParseSizeError(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for MachineSize {
    type Error = ParseSizeError;

    fn try_from(text: String) -> Result<Self, ParseSizeError> {
        text.parse()
    }
}

impl From<MachineSize> for String {
    fn from(size: MachineSize) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_written() {
        let size: MachineSize = "4x8192".parse().unwrap();
        assert_eq!((size.cpus, size.memory_bytes()), (4, 8 << 30));
        assert_eq!(size.to_string(), "4x8192");
        for bad in [
            "",
            "2",
            "x",
            "0x1",
            "2x0",
            "2x-1",
            "2x9999999",
            "two x four",
        ] {
            assert!(bad.parse::<MachineSize>().is_err(), "{bad}");
        }
    }
}
