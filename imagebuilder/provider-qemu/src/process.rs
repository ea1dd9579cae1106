//! Finds QEMU processes again and ends them, never one that is not ours.
//!
//! A process is ours if it has the pid, the start time, the name argument and the
//! working folder that we know. Signals go through a handle that was opened before
//! these were compared, so a pid that is used again cannot be hit.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use imagebuilder_provider::{MachineId, ProviderError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// What begins the name argument of our processes.
const NAME_PREFIX: &str = "packyard:";
/// How long a killed process may take to go.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// How often is looked whether a process has ended.
const WATCH_POLL: Duration = Duration::from_millis(50);

/// Which process it is, so that its pid alone need not be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// In clock ticks since the host booted, as in `/proc/PID/stat`.
    pub(crate) start_ticks: u64,
}

/// A live process of ours.
pub(crate) struct OurProcess {
    handle: OwnedFd,
    pub(crate) id: ProcessId,
    pub(crate) machine: MachineId,
}

/// QEMU's `-name` for a machine.
pub(crate) fn name_argument(id: &MachineId) -> String {
    format!("{NAME_PREFIX}{id}")
}

/// The identity of a process that was just started; none where it is gone.
pub(crate) fn identify(pid: u32) -> Option<ProcessId> {
    let pid = i32::try_from(pid).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&stat).map(|start_ticks| ProcessId { pid, start_ticks })
}

/// The machine's process, if it lives.
pub(crate) fn find(id: ProcessId, machine: &MachineId, machines: &Path) -> Option<OurProcess> {
    let found = open(id.pid, machines)?;
    (found.id == id && found.machine == *machine).then_some(found)
}

/// Every live process whose machine belongs to this folder.
pub(crate) async fn scan(machines: PathBuf) -> Vec<OurProcess> {
    // Hundreds of small reads: not for a thread that others wait for.
    tokio::task::spawn_blocking(move || scan_now(&machines))
        .await
        .unwrap_or_default()
}

fn scan_now(machines: &Path) -> Vec<OurProcess> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| open(pid, machines)).collect()
}

fn open(pid: i32, machines: &Path) -> Option<OurProcess> {
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let machine = machine_of(&command_line)?;
    let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    // What is read from here on is of the process that the handle holds, or the handle is of a dead one.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let start_ticks = parse_stat(&stat)?;
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let command_line_again = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let ours = is_folder_of(&folder, machines, &machine) && command_line == command_line_again;
    ours.then_some(OurProcess {
        handle,
        id: ProcessId { pid, start_ticks },
        machine,
    })
}

/// The machine that a command line names after `-name`.
fn machine_of(command_line: &[u8]) -> Option<MachineId> {
    let mut words = command_line.split(|b| *b == 0);
    words.find(|word| *word == b"-name")?;
    let name = std::str::from_utf8(words.next()?).ok()?;
    name.strip_prefix(NAME_PREFIX)?.parse().ok()
}

/// The kernel adds a mark to the path of a folder that was deleted.
fn is_folder_of(folder: &Path, machines: &Path, machine: &MachineId) -> bool {
    let bytes = folder.as_os_str().as_bytes();
    let plain = bytes.strip_suffix(b" (deleted)").unwrap_or(bytes);
    machines.join(machine.as_str()).as_os_str().as_bytes() == plain
}

/// The start time from `/proc/PID/stat`; none for a process that has ended and waits to be reaped.
fn parse_stat(stat: &str) -> Option<u64> {
    // The second field is the program's name in brackets, which may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

impl OurProcess {
    /// Waits until it has ended; false if it has not within `limit`.
    pub(crate) async fn ended_within(&self, limit: Duration) -> Result<bool, ProviderError> {
        let watch = async {
            loop {
                if self.has_ended()? {
                    return Ok(true);
                }
                tokio::time::sleep(WATCH_POLL).await;
            }
        };
        tokio::time::timeout(limit, watch)
            .await
            .unwrap_or(Ok(false))
    }

    /// The handle becomes readable when the process ends.
    fn has_ended(&self) -> Result<bool, ProviderError> {
        let mut watched = [PollFd::new(&self.handle, PollFlags::IN)];
        match poll(&mut watched, Some(&Timespec::default())) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(
                ProviderError::retry("cannot watch a QEMU process", "see the cause").because(error),
            ),
        }
    }

    /// Ends it at once and waits until it is gone.
    pub(crate) async fn kill(&self) -> Result<(), ProviderError> {
        // A process that is gone already is what was wanted.
        pidfd_send_signal(&self.handle, Signal::KILL).ok();
        if self.ended_within(KILL_LIMIT).await? {
            return Ok(());
        }
        Err(ProviderError::person(
            format!(
                "QEMU process {} of machine {} does not die",
                self.id.pid, self.machine
            ),
            "its disk or the host hangs: look at the kernel's log",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let fields: Vec<String> = (4..=30).map(|field| field.to_string()).collect();
        let stat = format!("42 (a ) b) S {}", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some(22));
        assert_eq!(parse_stat(&stat.replace(") S", ") Z")), None);
        assert_eq!(parse_stat("42 (x"), None);
    }

    #[test]
    fn only_a_process_with_our_name_in_our_folder_is_ours() {
        let id: MachineId = "b1.build.1".parse().unwrap();
        assert_eq!(
            machine_of(b"qemu\0-name\0packyard:b1.build.1\0-m\0"),
            Some(id.clone())
        );
        assert_eq!(machine_of(b"qemu\0-name\0other\0"), None);
        assert_eq!(machine_of(b"qemu\0-name"), None);
        let machines = Path::new("/data/machines");
        assert!(is_folder_of(
            Path::new("/data/machines/b1.build.1"),
            machines,
            &id
        ));
        assert!(is_folder_of(
            Path::new("/data/machines/b1.build.1 (deleted)"),
            machines,
            &id
        ));
        assert!(!is_folder_of(
            Path::new("/other/machines/b1.build.1"),
            machines,
            &id
        ));
    }

    #[test]
    fn this_process_is_identified_and_is_not_a_machine() {
        let me = identify(std::process::id()).unwrap();
        assert_eq!(me.pid as u32, std::process::id());
        assert!(open(me.pid, Path::new("/data/machines")).is_none());
    }
}
