//! Keeps consoles small while their machines run: a guest may print for hours.
//!
//! QEMU appends to `serial.log` and never looks back, also while no server runs. So the file
//! is emptied under it once it is large: its end goes to `serial.old`, and what a guest prints
//! in that very moment may be lost. Nothing depends on a console being whole.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::layout::{Layout, SERIAL_LOG, SERIAL_OLD};
use crate::{console, durable};

/// A serial port prints a few megabytes a second at most.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Both files together stay below three times this.
pub(crate) const LIMIT_BYTES: u64 = 8 << 20;

/// Looks after consoles as long as it lives; the task ends at the look after that.
pub(crate) struct Keeper {
    _alive: Arc<()>,
}

impl Keeper {
    pub(crate) fn start(layout: &Layout) -> Self {
        let alive = Arc::new(());
        tokio::spawn(look_after(layout.clone(), Arc::downgrade(&alive)));
        Self { _alive: alive }
    }
}

async fn look_after(layout: Layout, owner: Weak<()>) {
    while owner.strong_count() > 0 {
        let machines = layout.machines();
        let looked = durable::blocking(move || bound_all(&machines, LIMIT_BYTES)).await;
        if let Err(error) = looked {
            tracing::warn!(%error, "cannot keep consoles small");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn bound_all(machines: &Path, limit: u64) -> io::Result<()> {
    for machine in fs::read_dir(machines)? {
        let folder = machine?.path();
        match bound(&folder, limit) {
            // It has no console yet, or is being removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

fn bound(folder: &Path, limit: u64) -> io::Result<()> {
    let log = folder.join(SERIAL_LOG);
    if fs::metadata(&log)?.len() <= limit {
        return Ok(());
    }
    let end = console::tail(&log, usize::try_from(limit).unwrap_or(usize::MAX))?;
    fs::write(folder.join(SERIAL_OLD), end)?;
    OpenOptions::new().write(true).open(&log)?.set_len(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_console_that_is_written_to_stays_small_and_keeps_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let machine = folder.path().join("m.build.1");
        fs::create_dir(&machine).unwrap();
        fs::create_dir(folder.path().join("m.new.1")).unwrap();
        let log = machine.join(SERIAL_LOG);
        // As QEMU opens it.
        let mut guest = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        for line in 0..1000 {
            writeln!(guest, "line {line:04}").unwrap();
            bound_all(folder.path(), 200).unwrap();
            let sizes = [SERIAL_LOG, SERIAL_OLD]
                .map(|name| fs::metadata(machine.join(name)).map_or(0, |file| file.len()));
            assert!(sizes.iter().sum::<u64>() <= 410, "{sizes:?}");
        }
        let end = console::both(&machine, 60).unwrap();
        let end = String::from_utf8(end).unwrap();
        assert!(end.ends_with("line 0998\nline 0999\n"), "{end}");
        assert_eq!(end.lines().count(), 6, "{end}");
    }
}
