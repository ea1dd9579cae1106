//! The name of this data folder among those that share a journal: made once, kept in it.

use std::io;
use std::path::Path;

use uuid::Uuid;

/// Reads the folder's name, or gives it one.
pub(crate) fn name(data: &Path) -> io::Result<String> {
    let file = data.join("host.id");
    match std::fs::read_to_string(&file) {
        Ok(text) if text.trim().parse::<Uuid>().is_ok() => return Ok(text.trim().to_owned()),
        // Cut off by a power failure while it was written: nobody knows it by that name.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let name = Uuid::new_v4().to_string();
    let unfinished = data.join("host.id.new");
    std::fs::write(&unfinished, &name)?;
    std::fs::File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, &file)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_name_and_another_has_another() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let names = folders
            .each_ref()
            .map(|folder| name(folder.path()).unwrap());
        assert_ne!(names[0], names[1]);
        assert_eq!(name(folders[0].path()).unwrap(), names[0]);
        std::fs::write(folders[0].path().join("host.id"), "cut o").unwrap();
        assert_ne!(name(folders[0].path()).unwrap(), names[0]);
    }
}
