//! Ansible's output in a build's folder: a folder for each role, a file for each task.
//!
//! Nothing is written that was not masked before. ansible-runner's own output file, which
//! holds everything as it is, is not written at all.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::resolve::Masker;

/// In the build's folder.
pub(crate) const FOLDER: &str = "ansible/output";
/// What belongs to no role, or to no task.
const NO_ROLE: &str = "play";
/// The longest part of a file's name that comes from a role or a task.
const NAME_CHARS: usize = 80;

/// The output of one run.
pub(crate) struct TaskLog {
    folder: PathBuf,
    names: BTreeMap<u32, (String, String)>,
    open: Option<(u32, File)>,
}

impl TaskLog {
    /// A run's log, below the build's folder.
    pub(crate) fn new(build: &Path, ident: &str) -> Self {
        Self {
            folder: build.join(FOLDER).join(ident),
            names: BTreeMap::new(),
            open: None,
        }
    }

    /// A task begins.
    pub(crate) fn task(&mut self, number: u32, role: Option<&str>, name: &str) {
        let role = role.map_or_else(|| NO_ROLE.to_owned(), safe);
        self.names.insert(number, (role, safe(name)));
    }

    /// Adds what a task said.
    pub(crate) fn add(&mut self, number: u32, text: &str, masker: &Masker) -> io::Result<()> {
        if !matches!(self.open, Some((open, _)) if open == number) {
            self.open = Some((number, self.file(number)?));
        }
        match &mut self.open {
            Some((_, file)) => file.write_all(masker.mask(text).as_bytes()),
            None => Ok(()),
        }
    }

    fn file(&self, number: u32) -> io::Result<File> {
        let none = (NO_ROLE.to_owned(), "before the first task".to_owned());
        let (role, name) = self.names.get(&number).unwrap_or(&none);
        let folder = self.folder.join(role);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{number:03} {name}.txt"));
        OpenOptions::new().create(true).append(true).open(path)
    }
}

/// A part of a file's name: whatever a role calls itself, it stays in its folder.
fn safe(text: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_alphanumeric() || "-_.,() ".contains(c) => c,
        _ => '_',
    };
    let name: String = text.chars().map(plain).take(NAME_CHARS).collect();
    let name = name.trim().trim_start_matches('.').to_owned();
    match name.is_empty() {
        true => "_".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_a_file_in_the_folder_of_its_role() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = TaskLog::new(folder.path(), "kubernetes-1");
        let masker = Masker::new(["hunter22".to_owned()]);
        log.add(0, "PLAY\n", &masker).unwrap();
        log.task(1, Some("../../etc"), "Do it/now");
        log.add(1, "it is hunter22\n", &masker).unwrap();
        log.add(1, "more\n", &masker).unwrap();
        let run = folder.path().join(FOLDER).join("kubernetes-1");
        let read = |path: &str| fs::read_to_string(run.join(path)).unwrap();
        assert_eq!(read("play/000 before the first task.txt"), "PLAY\n");
        assert_eq!(read("_.._etc/001 Do it_now.txt"), "it is ********\nmore\n");
    }
}
