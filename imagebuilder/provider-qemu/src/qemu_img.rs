//! What is asked of `qemu-img`.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use imagebuilder_provider::{DiskFormat, ProviderError};
use serde::Deserialize;

use crate::program;

/// Reading or writing a header takes milliseconds.
const HEADER_LIMIT: Duration = Duration::from_secs(60);
/// Converting a disk moves gigabytes on a slow host.
const CONVERT_LIMIT: Duration = Duration::from_secs(3600);

/// `qemu-img check` found room that nothing uses.
const CHECK_FOUND_LEAKS: i32 = 3;

/// `qemu-img`, found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QemuImg<'a>(pub(crate) &'a Path);

/// What a disk's header says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Info {
    pub(crate) format: String,
    pub(crate) virtual_size: u64,
    pub(crate) backing_filename: Option<String>,
    format_specific: Option<FormatSpecific>,
}

#[derive(Debug, Deserialize)]
struct FormatSpecific {
    data: serde_json::Value,
}

impl Info {
    /// Whether the header names another file of the host that holds the data.
    pub(crate) fn has_data_file(&self) -> bool {
        let data = self.format_specific.as_ref().map(|specific| &specific.data);
        data.is_some_and(|data| data.get("data-file").is_some())
    }
}

impl QemuImg<'_> {
    /// Reads the header, and nothing that it points to.
    pub(crate) async fn info(self, file: &Path, format: DiskFormat) -> Result<Info, ProviderError> {
        let what = format!("cannot read the header of {}", file.display());
        let arguments = words(["info", "--output=json", "-U", "-f", format.as_str()]);
        let json = self.run(&arguments, &[file], &what, HEADER_LIMIT).await?;
        serde_json::from_slice(&json).map_err(|error| {
            ProviderError::person(
                what,
                "install a newer qemu-img: this one answers in another form",
            )
            .because(error)
        })
    }

    /// Makes an empty overlay on `backing`, a file name in the same folder. Its size is
    /// given, so the backing file is not opened: it may be in use, or not be there yet.
    pub(crate) async fn create_overlay(
        self,
        file: &Path,
        backing: &str,
        backing_format: DiskFormat,
        size_bytes: u64,
    ) -> Result<(), ProviderError> {
        let what = format!("cannot make the overlay {}", file.display());
        let size = size_bytes.to_string();
        let arguments = words([
            "create",
            "-q",
            "-f",
            "qcow2",
            "-u",
            "-b",
            backing,
            "-F",
            backing_format.as_str(),
        ]);
        let arguments: Vec<&OsStr> = arguments
            .into_iter()
            .chain([file.as_os_str(), OsStr::new(&size)])
            .collect();
        program::run(self.0, &arguments, &what, HEADER_LIMIT)
            .await
            .map(drop)
    }

    /// Writes into the header on which disk this one lies; moves no data.
    pub(crate) async fn set_backing(
        self,
        file: &Path,
        backing: &str,
        format: DiskFormat,
    ) -> Result<(), ProviderError> {
        let what = format!("cannot put {} on {backing}", file.display());
        let arguments = words([
            "rebase",
            "-q",
            "-u",
            "-f",
            "qcow2",
            "-b",
            backing,
            "-F",
            format.as_str(),
        ]);
        self.run(&arguments, &[file], &what, HEADER_LIMIT)
            .await
            .map(drop)
    }

    /// Looks whether the tables of a disk make sense. Room that is lost, as after an unclean end, does no harm.
    pub(crate) async fn check(self, file: &Path) -> Result<(), ProviderError> {
        let what = format!("cannot check {}", file.display());
        let arguments = words(["check", "--output=json", "-U", "-f", "qcow2"]);
        let arguments: Vec<&OsStr> = arguments.into_iter().chain([file.as_os_str()]).collect();
        let output = program::run_any(self.0, &arguments, &what, CONVERT_LIMIT, |_| ()).await?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if let Some(corruptions @ 1..) = report
            .get("corruptions")
            .and_then(serde_json::Value::as_u64)
        {
            let what = format!(
                "{} is damaged: {corruptions} contradictions in its tables",
                file.display()
            );
            return Err(ProviderError::never(
                what,
                "import it again from a good copy",
            ));
        }
        if output.status.code() == Some(CHECK_FOUND_LEAKS) {
            return Ok(());
        }
        output.successful(self.0, &what).map(drop)
    }

    /// Writes the disk with all that lies below it into one compressed file. It tells `progress` the percentage.
    pub(crate) async fn flatten(
        self,
        from: &Path,
        to: &Path,
        mut progress: impl FnMut(f32),
    ) -> Result<(), ProviderError> {
        let what = format!("cannot write the image {}", to.display());
        let options = "compression_type=zstd";
        let arguments = words([
            "convert", "-p", "-f", "qcow2", "-O", "qcow2", "-c", "-o", options, "-m", "4", "-W",
            "-T", "none",
        ]);
        let arguments: Vec<&OsStr> = arguments
            .into_iter()
            .chain([from.as_os_str(), to.as_os_str()])
            .collect();
        let mut pending = String::new();
        let on_output = |piece: &[u8]| {
            pending.push_str(&String::from_utf8_lossy(piece));
            if let Some(percent) = last_percentage(&pending) {
                progress(percent);
                pending.clear();
            }
        };
        program::run_with(self.0, &arguments, &what, CONVERT_LIMIT, on_output)
            .await
            .map(drop)
    }

    async fn run(
        self,
        arguments: &[&OsStr],
        files: &[&Path],
        what: &str,
        limit: Duration,
    ) -> Result<Vec<u8>, ProviderError> {
        let all: Vec<&OsStr> = arguments
            .iter()
            .copied()
            .chain(files.iter().map(|file| file.as_os_str()))
            .collect();
        program::run(self.0, &all, what, limit).await
    }
}

fn words<const N: usize>(arguments: [&str; N]) -> Vec<&OsStr> {
    arguments.into_iter().map(OsStr::new).collect()
}

/// `qemu-img -p` writes `    (12.34/100%)` and a carriage return, again and again.
fn last_percentage(text: &str) -> Option<f32> {
    let (before, _) = text.rsplit_once("/100%)")?;
    let (_, number) = before.rsplit_once('(')?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_percentage_counts() {
        assert_eq!(
            last_percentage("    (0.00/100%)\r    (12.50/100%)\r   (3"),
            Some(12.5)
        );
        assert_eq!(last_percentage("    (99."), None);
        assert_eq!(last_percentage(""), None);
    }
}
