//! Reads the header of a qcow2 file: enough to know that it is one, that it
//! stands alone, and how large the disk is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::CliError;

const MAGIC: &[u8; 4] = b"QFI\xfb";
const HEADER_BYTES: usize = 80;
/// Bit of the incompatible features: data is in another file.
const EXTERNAL_DATA: u64 = 1 << 2;

/// The size of the disk inside, in bytes.
pub(super) fn virtual_size(file: &Path) -> Result<u64, CliError> {
    let mut header = [0; HEADER_BYTES];
    let mut open = File::open(file).map_err(|error| CliError::io("read", file, &error))?;
    open.read_exact(&mut header).map_err(|_| no_qcow2(file))?;
    parse(&header).map_err(|why| match why {
        Refused::NoQcow2 => no_qcow2(file),
        Refused::NotAlone(other) => CliError::failed(format!(
            "{} is not complete by itself: it needs {other}",
            file.display()
        ))
        .hint(format!(
            "make it one file: qemu-img convert -O qcow2 {} whole.qcow2",
            file.display()
        )),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    NoQcow2,
    NotAlone(&'static str),
}

fn parse(header: &[u8; HEADER_BYTES]) -> Result<u64, Refused> {
    let word = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().unwrap_or_default());
    let version = u32::from_be_bytes(header[4..8].try_into().unwrap_or_default());
    if &header[..4] != MAGIC || !matches!(version, 2 | 3) {
        return Err(Refused::NoQcow2);
    }
    // The offset of the name of a backing file.
    if word(8) != 0 {
        return Err(Refused::NotAlone("a backing file"));
    }
    // Version 3 goes on with feature bits where version 2 ends.
    if version == 3 && word(72) & EXTERNAL_DATA != 0 {
        return Err(Refused::NotAlone("an external data file"));
    }
    Ok(word(24))
}

fn no_qcow2(file: &Path) -> CliError {
    CliError::failed(format!("{} is no qcow2 image", file.display())).hint(format!(
        "convert it: qemu-img convert -O qcow2 {} image.qcow2",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::{HEADER_BYTES, MAGIC, Refused, parse};

    fn header(version: u8, change: impl FnOnce(&mut [u8; HEADER_BYTES])) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(MAGIC);
        header[7] = version;
        header[24..32].copy_from_slice(&(8_u64 << 30).to_be_bytes());
        change(&mut header);
        header
    }

    #[test]
    fn knows_whole_images_from_others() {
        let check = |header: [u8; HEADER_BYTES], expect: Result<u64, Refused>| {
            assert_eq!(parse(&header), expect);
        };
        check(header(3, |_| {}), Ok(8 << 30));
        check(header(2, |_| {}), Ok(8 << 30));
        check(header(4, |_| {}), Err(Refused::NoQcow2));
        check(header(3, |bytes| bytes[0] = b'X'), Err(Refused::NoQcow2));
        check(
            header(3, |bytes| bytes[15] = 1),
            Err(Refused::NotAlone("a backing file")),
        );
        check(
            header(3, |bytes| bytes[79] = 4),
            Err(Refused::NotAlone("an external data file")),
        );
    }
}
