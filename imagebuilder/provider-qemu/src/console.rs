//! Reads the end of what a machine wrote to its console.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::layout::{SERIAL_LOG, SERIAL_OLD};

/// The last `max_bytes` that a machine wrote to its console, from both of its files.
pub(crate) fn both(folder: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let newest = tail(&folder.join(SERIAL_LOG), max_bytes)?;
    let mut bytes = tail(&folder.join(SERIAL_OLD), max_bytes - newest.len())?;
    bytes.extend(newest);
    Ok(bytes)
}

/// The last `max_bytes` of a file; nothing where there is none.
pub(crate) fn tail(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(size.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("serial.log");
        assert_eq!(tail(&file, 4).unwrap(), b"");
        std::fs::write(&file, b"0123456789").unwrap();
        assert_eq!(tail(&file, 4).unwrap(), b"6789");
        assert_eq!(tail(&file, 100).unwrap(), b"0123456789");
        assert_eq!(tail(&file, 0).unwrap(), b"");
    }
}
