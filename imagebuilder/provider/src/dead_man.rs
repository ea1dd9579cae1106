//! The dead man's switch: a machine whose owner is gone switches itself off.
//!
//! Whoever would take it away, the reaper and its journal, may be gone for good. So the guest
//! carries the deadline too, for every cloud alike. It lives in `/run`, which no image holds.

use std::time::Duration;

use serde_json::{Value, json};

/// The unit in the guest.
pub const DEADLINE_UNIT: &str = "packyard-deadline.timer";

/// A command of cloud-init's `bootcmd`, at each boot: the guest powers off so long after it started.
///
/// The kernel counts the time from the boot, so a clock that is years off changes nothing.
/// `bootcmd` runs before the message bus does, and the boot waits for it: root's `systemctl`
/// speaks to systemd itself, and the job is left alone. A timer without default dependencies
/// needs no target to be reached first, and `poweroff.target` ends by force what does not obey.
/// A guest without systemd is left as it is.
#[must_use]
pub fn switch_off_after(lifetime: Duration) -> Value {
    let seconds = lifetime.as_secs().max(1);
    let script = format!(
        "[ -d /run/systemd/system ] || exit 0\n\
         printf '%s\\n' '[Unit]' 'Description=Switch the machine off when nobody can need it any more' \
         DefaultDependencies=no '[Timer]' OnBootSec={seconds} AccuracySec=1s Unit=poweroff.target \
         >/run/systemd/system/{DEADLINE_UNIT}\n\
         timeout 20 systemctl --no-block start {DEADLINE_UNIT} || echo '{DEADLINE_UNIT} does not run'\n"
    );
    json!(["sh", "-c", script])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_is_told_in_seconds_from_the_boot_and_is_waited_for_by_nobody() {
        let command = switch_off_after(Duration::from_secs(7200));
        let script = command[2].as_str().unwrap();
        for word in [
            "OnBootSec=7200",
            "--no-block",
            "/run/systemd/system/packyard-deadline.timer",
        ] {
            assert!(script.contains(word), "{word} is not in {script}");
        }
        assert!(!script.contains("systemd-run"), "{script}");
    }

    #[test]
    fn no_lifetime_is_as_short_as_never_to_come() {
        let script = switch_off_after(Duration::ZERO)[2].to_string();
        assert!(script.contains("OnBootSec=1 "), "{script}");
    }
}
