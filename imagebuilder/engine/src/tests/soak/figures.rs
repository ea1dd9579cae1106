//! What a soak found, for people, for programs, and as a verdict.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

/// Everything that is reported.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) asked: u64,
    pub(super) seconds: f64,
    pub(super) kills: u64,
    /// When time was up.
    pub(super) unfinished: usize,
    /// How builds ended, and how many of each.
    pub(super) ends: BTreeMap<String, u64>,
    /// How often a worker took one up, over all builds.
    pub(super) attempts: u64,
    /// Calls of the cloud and the registry, and how many of them failed on purpose.
    pub(super) calls: u64,
    pub(super) faults: u64,
    pub(super) memory: Memory,
    /// What the last look of the reaper removed.
    pub(super) reaped_at_the_end: usize,
    /// What it left alone.
    pub(super) left: Vec<String>,
    /// Resources that the journal believes in.
    pub(super) open_rows: Vec<String>,
    /// What the provider holds, by kind.
    pub(super) held: BTreeMap<String, u64>,
    pub(super) stages: usize,
    pub(super) stage_artifacts: usize,
    /// Artifacts that are not there once for each build.
    pub(super) doubled: Vec<String>,
    /// Key folders on the workers' hosts, of builds that ended elsewhere.
    pub(super) disk_left: Vec<String>,
}

/// Resident memory of the workers, in KiB, and how many builds they had then.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) highest: u64,
    pub(super) builds_then: i64,
    pub(super) most_builds: i64,
    pub(super) highest_at_most_builds: u64,
}

impl Memory {
    pub(super) fn note(&mut self, pid: &str, builds: i64) {
        let Some(resident) = resident(pid) else {
            return;
        };
        if resident > self.highest {
            (self.highest, self.builds_then) = (resident, builds);
        }
        if builds > self.most_builds {
            (self.most_builds, self.highest_at_most_builds) = (builds, resident);
        } else if builds == self.most_builds {
            self.highest_at_most_builds = self.highest_at_most_builds.max(resident);
        }
    }
}

/// From `/proc`, as Linux counts it.
fn resident(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Figures {
    pub(super) fn check(&self) {
        assert_eq!(self.unfinished, 0, "builds that did not end: {self}");
        let succeeded = self.ends.get("succeeded").copied().unwrap_or_default();
        assert_eq!(succeeded, self.asked, "builds without their image: {self}");
        for kind in ["Machine", "Image"] {
            assert_eq!(self.held.get(kind), None, "{kind} left behind: {self}");
        }
        assert!(
            self.left.is_empty() && self.open_rows.is_empty(),
            "{self:#?}"
        );
        assert!(
            self.doubled.is_empty(),
            "effects that are not there once: {self:#?}"
        );
        // Fewer may be: what stands on a disk that is not the registry's is not pushed.
        assert!(
            self.stage_artifacts <= self.stages,
            "stages pushed twice: {self}"
        );
    }

    pub(super) fn json(&self) -> String {
        let memory = &self.memory;
        let value = json!({
            "builds": self.asked, "seconds": self.seconds, "kills": self.kills,
            "ends": self.ends, "attempts": self.attempts, "calls": self.calls,
            "faults": self.faults, "held": self.held, "stages": self.stages,
            "stageArtifacts": self.stage_artifacts, "openRows": self.open_rows,
            "left": self.left, "doubled": self.doubled,
            "reapedAtTheEnd": self.reaped_at_the_end, "keysLeft": self.disk_left.len(),
            "memory": {
                "highestKib": memory.highest, "buildsThen": memory.builds_then,
                "mostBuilds": memory.most_builds,
                "highestAtMostBuildsKib": memory.highest_at_most_builds,
            },
        });
        format!("{value:#}\n")
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = &self.memory;
        writeln!(
            f,
            "builds           {} in {:.0} s",
            self.asked, self.seconds
        )?;
        writeln!(
            f,
            "ends             {:?}, {} unfinished",
            self.ends, self.unfinished
        )?;
        writeln!(
            f,
            "workers killed   {}; builds were taken up {} times",
            self.kills, self.attempts
        )?;
        writeln!(
            f,
            "calls            {}, of which {} failed on purpose",
            self.calls, self.faults
        )?;
        writeln!(
            f,
            "provider holds   {:?}; stages {}",
            self.held, self.stages
        )?;
        writeln!(f, "open rows        {}", self.open_rows.len())?;
        writeln!(f, "left alone       {:?}", self.left)?;
        writeln!(
            f,
            "not there once   {:?}; stage artifacts {}",
            self.doubled, self.stage_artifacts
        )?;
        writeln!(
            f,
            "removed at end   {}; key folders {}",
            self.reaped_at_the_end,
            self.disk_left.len()
        )?;
        write!(
            f,
            "worker memory    {:.1} MiB at most, with {} builds; {:.1} MiB with {} builds, the most",
            memory.highest as f64 / 1024.0,
            memory.builds_then,
            memory.highest_at_most_builds as f64 / 1024.0,
            memory.most_builds
        )
    }
}
