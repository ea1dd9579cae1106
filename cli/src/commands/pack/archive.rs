//! `packyard pack archive`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use registry_pack::archive::Archive;
use registry_pack::{Pack, archive as pack_archive};
use serde_json::json;

use super::open;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Write a pack's archive, the same bytes on every machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack's folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The file to write; NAME-VERSION.tar.gz when it is left out.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let pack = open(&args.folder)?;
    let file = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.tar.gz", pack.folder_name())));
    let written = write(&pack, &file)?;
    let answer = json!({"file": file, "digest": written.digest, "size": written.size_bytes});
    context.output.answer(&answer, || {
        format!(
            "{}  {}  {}",
            file.display(),
            written.digest,
            size(written.size_bytes)
        )
    })
}

/// Writes the archive beside its place first, so that it is whole or not there.
fn write(pack: &Pack, file: &Path) -> Result<Archive, CliError> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |error: std::io::Error| CliError::io("write", file, &error);
    let mut part = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut out = std::io::BufWriter::new(part.as_file_mut());
    let written = pack_archive::write(pack, &mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    allow_reading(part.as_file()).map_err(failed)?;
    part.persist(file).map_err(|error| failed(error.error))?;
    Ok(written)
}

/// Temporary files are private; an archive is for everybody.
fn allow_reading(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
