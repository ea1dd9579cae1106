//! Images that are here already, whose pieces a pull need not fetch.

use std::path::{Path, PathBuf};

use imagebuilder_chunks::{ChunkMap, CutError, Disk};
use registry_client::Progress as _;

use crate::error::CliError;
use crate::progress::Bars;

/// An image that is here.
pub(super) struct Here {
    pub(super) path: PathBuf,
    disk: Disk,
    /// Somebody named it, and so wants to know if it is no good.
    asked: bool,
}

/// Opens what was asked for, and what the pull is going to replace if that is an image.
pub(super) fn open(asked: &[PathBuf], output: &Path) -> Result<Vec<Here>, CliError> {
    let mut here = Vec::with_capacity(asked.len() + 1);
    for path in asked {
        let disk = Disk::open(path).map_err(|error| refused(path, error))?;
        here.push(Here {
            path: path.clone(),
            disk,
            asked: true,
        });
    }
    if !asked.iter().any(|path| path == output)
        && let Ok(disk) = Disk::open(output)
    {
        here.push(Here {
            path: output.to_owned(),
            disk,
            asked: false,
        });
    }
    Ok(here)
}

/// Whether somebody named one of them.
pub(super) fn is_asked(here: &[Here]) -> bool {
    here.iter().any(|one| one.asked)
}

/// An image that is here, and where its pieces are.
pub(super) struct Mapped {
    pub(super) paths: Vec<PathBuf>,
    pub(super) disks: Vec<Disk>,
    pub(super) maps: Vec<ChunkMap>,
}

/// Reads them whole, one after the other.
pub(super) async fn map(here: Vec<Here>, progress: &Bars) -> Result<Mapped, CliError> {
    let mut mapped = Mapped {
        paths: Vec::new(),
        disks: Vec::new(),
        maps: Vec::new(),
    };
    for Here { path, disk, asked } in here {
        let label = format!("read {}", path.display());
        let transfer = progress.transfer(&label, disk.size_bytes());
        let cutting = tokio::task::spawn_blocking(move || {
            let map = ChunkMap::of(&disk, &mut |bytes| transfer.position(bytes))?;
            Ok::<_, CutError>((disk, map))
        });
        let cut = cutting.await;
        match cut.unwrap_or_else(|error| Err(std::io::Error::other(error).into())) {
            Ok((disk, map)) => {
                mapped.paths.push(path);
                mapped.disks.push(disk);
                mapped.maps.push(map);
            }
            Err(error) if asked => return Err(refused(&path, error)),
            Err(_) => {}
        }
    }
    Ok(mapped)
}

fn refused(path: &Path, error: CutError) -> CliError {
    match error {
        CutError::Io(error) => CliError::io("read", path, &error),
        other => CliError::failed(format!("nothing of {} can be reused", path.display()))
            .caused_by(&other)
            .hint("--reuse takes an image as it was pulled: a qcow2 file"),
    }
}
