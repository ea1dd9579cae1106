//! Turns what went wrong on the host into an error that says what to do.

use std::io;
use std::path::Path;

use imagebuilder_provider::ProviderError;

/// A failed act on a file.
pub(crate) fn io(verb: &str, path: &Path, error: io::Error) -> ProviderError {
    let what = format!("cannot {verb} {}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(what),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ProviderError::person(
                what,
                "give the user that runs packyard the right to write below its data folder",
            )
        }
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => ProviderError::never(what, "name a file that exists"),
        _ => ProviderError::retry(
            what,
            "see the cause; check the disk and the file system where it stays",
        ),
    }
    .because(error)
}

/// A program that could not even be started.
pub(crate) fn start(program: &Path, error: io::Error) -> ProviderError {
    let what = format!("cannot start {}", program.display());
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ProviderError::person(
            what,
            format!(
                "install it ({}) or name it in the configuration",
                package_of(program)
            ),
        ),
        _ => ProviderError::wait(what, "free memory or processes on this host"),
    }
    .because(error)
}

/// A program that ended badly, from what it said.
pub(crate) fn complaint(what: String, said: &str) -> ProviderError {
    let lower = said.to_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
    let error = if any(&["no space left", "disk quota exceeded", "file system full"]) {
        full(what)
    } else if any(&["host forwarding rule", "address already in use"]) {
        ProviderError::retry(
            what,
            "another program took the port; the next try takes another one",
        )
    } else if any(&["cannot allocate memory", "cannot set up guest memory"]) {
        ProviderError::wait(
            what,
            "free memory on this host, or ask for less than the machine has",
        )
    } else if any(&["/dev/kvm", "failed to initialize kvm"]) {
        ProviderError::person(
            what,
            "give the user that runs packyard access to /dev/kvm (group kvm)",
        )
    } else if any(&[
        "permission denied",
        "operation not permitted",
        "read-only file system",
    ]) {
        ProviderError::person(
            what,
            "give the user that runs packyard the right to the files that are named",
        )
    } else if any(&[
        "image is corrupt",
        "not in qcow2 format",
        "not supported",
        "invalid header",
        "could not open backing",
    ]) {
        ProviderError::never(
            what,
            "the disk file is damaged or has another format; import it again from a good copy",
        )
    } else if any(&["failed to get \"write\" lock", "failed to get shared"]) {
        ProviderError::retry(
            what,
            "another process still has the disk open; end it where this stays",
        )
    } else {
        ProviderError::retry(what, "see the cause")
    };
    let said = said.trim();
    if said.is_empty() {
        error
    } else {
        error.because(said.to_owned())
    }
}

fn full(what: String) -> ProviderError {
    ProviderError::wait(
        what,
        "the file system is full: make room below the data folder, or move it to a larger disk",
    )
}

fn package_of(program: &Path) -> &'static str {
    match program.file_name().and_then(|name| name.to_str()) {
        Some("qemu-img") => "Debian: qemu-utils",
        Some("xorriso") => "Debian: xorriso",
        _ => "Debian: qemu-system-x86",
    }
}

#[cfg(test)]
mod tests {
    use imagebuilder_provider::Remedy;

    use super::*;

    #[test]
    fn what_programs_say_leads_to_a_remedy() {
        for (said, remedy) in [
            (
                "qemu-img: error while writing at byte 0: No space left on device",
                Remedy::Wait,
            ),
            (
                "Could not set up host forwarding rule 'tcp:127.0.0.1:22-:22'",
                Remedy::Retry,
            ),
            (
                "cannot set up guest memory 'pc.ram': Cannot allocate memory",
                Remedy::Wait,
            ),
            (
                "Could not access KVM kernel module: open /dev/kvm: Permission denied",
                Remedy::Person,
            ),
            ("Could not open 'x': Permission denied", Remedy::Person),
            ("Image is not in qcow2 format", Remedy::Never),
            ("qemu-img: something new", Remedy::Retry),
            ("", Remedy::Retry),
        ] {
            let error = complaint("x failed".to_owned(), said);
            assert_eq!(error.remedy(), remedy, "{said}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn a_full_disk_and_a_missing_program_are_told_apart() {
        let full = io("write", Path::new("/x"), io::ErrorKind::StorageFull.into());
        assert_eq!(full.remedy(), Remedy::Wait);
        let missing = start(Path::new("xorriso"), io::ErrorKind::NotFound.into());
        assert_eq!(missing.remedy(), Remedy::Person);
        assert!(missing.hint().contains("xorriso"));
    }
}
