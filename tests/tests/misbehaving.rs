//! Roles that do to a real machine what they should not: each ends its build within the machines
//! and the time that it may have, with a reason of its own, and leaves nothing behind.
//!
//! The same faults run on a fake machine with the engine's tests, in seconds.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::binary::workspace;
use e2e::fixtures;
use e2e::publish::{self, text};
use e2e::server::Server;

use crate::main_job::{newest_build, nothing_is_left, step};

/// For roles that break the connection, which is noticed after five minutes at the latest.
const LONG_SECS: u64 = 900;

struct Case {
    what: &'static str,
    script: &'static str,
    reason: &'static str,
    /// What the user has to read; the first of it is in the build's conditions too.
    told: &'static [&'static str],
    machines: u64,
    /// How long the stage may take.
    within_secs: u64,
}

const ON_ONE_MACHINE: &[Case] = &[
    Case {
        what: "changes the host key",
        script: "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh; pkill -f sshd-session",
        reason: "HostKeyMismatch",
        told: &["leave them alone", "Misbehave"],
        machines: 1,
        within_secs: LONG_SECS,
    },
    Case {
        what: "fills the disk",
        script: "dd if=/dev/zero of=/var/filled bs=4M",
        reason: "RoleFailed",
        told: &["No space left on device", "Misbehave"],
        machines: 1,
        within_secs: LONG_SECS,
    },
    Case {
        what: "breaks what the seal needs",
        script: "ln -sf /bin/false /usr/sbin/filefrag",
        reason: "VerificationFailed",
        told: &[
            "what is free on / was not scrubbed",
            "the seal did not come to its end",
        ],
        machines: 1,
        within_secs: LONG_SECS,
    },
    Case {
        what: "never ends",
        script: "sleep infinity",
        reason: "RoleTimedOut",
        told: &["did not end within 60 s", "Misbehave"],
        machines: 1,
        within_secs: 60,
    },
];

const OUT_OF_REACH: &[Case] = &[
    Case {
        what: "reboots",
        script: "sync; systemctl reboot --force --force",
        reason: "MachineUnreachable",
        told: &["as a reboot", "Misbehave"],
        machines: 4,
        within_secs: LONG_SECS,
    },
    Case {
        what: "kills the SSH server",
        script: "systemctl stop ssh.socket ssh.service; pkill sshd",
        reason: "MachineUnreachable",
        told: &["a stopped SSH server", "Misbehave"],
        machines: 4,
        within_secs: LONG_SECS,
    },
];

#[test]
#[ignore = "boots five machines, in a quarter of an hour: cargo test --package e2e --test e2e -- --ignored misbehave"]
fn roles_that_misbehave_end_their_build_with_the_remedy() -> Result<()> {
    run(ON_ONE_MACHINE)
}

#[test]
#[ignore = "boots eight machines, in a quarter of an hour: cargo test --package e2e --test e2e -- --ignored misbehave"]
fn roles_that_misbehave_so_that_no_machine_answers_are_tried_again_and_end() -> Result<()> {
    run(OUT_OF_REACH)
}

fn run(cases: &[Case]) -> Result<()> {
    let temp = tempfile::tempdir()?;
    let data = temp.path().join("data");
    let server = Server::start(&data, &[])?;
    publish::base_image(&server)?;
    publish::packs(&server)?;
    ensure!(server.stop()? == Some(0), "the server ends with 0");
    for (number, case) in cases.iter().enumerate() {
        let config = temp.path().join("packyard.toml");
        let secs = case.within_secs;
        std::fs::write(&config, format!("[builder]\nstage_timeout_secs = {secs}\n"))?;
        let server = Server::start(&data, &["--config", text(&config)?])?;
        ends_with_the_remedy(&server, temp.path(), number + 1, case)
            .with_context(|| format!("a role that {}", case.what))?;
        nothing_is_left(&data)?;
        ensure!(server.stop()? == Some(0), "the server ends with 0");
    }
    Ok(())
}

fn ends_with_the_remedy(server: &Server, temp: &Path, number: usize, case: &Case) -> Result<()> {
    let profile = profile(server, temp, &format!("1.0.{number}"), case.script)?;
    let ran = server.run(&["image", "build", &profile])?;
    ran.refused(1, case.told)?;
    let view = newest_build(server)?;
    ensure!(view["state"] == "failed", "{view:#}");
    ensure!(view["reason"] == case.reason, "{view:#}");
    ensure!(
        step(&view, "LaunchMachine")["attempts"] == case.machines,
        "{view:#}"
    );
    let conditions = view["conditions"].to_string();
    ensure!(conditions.contains(case.told[0]), "{view:#}");
    Ok(())
}

/// The roles-only profile, its role changed to do this.
fn profile(server: &Server, temp: &Path, version: &str, script: &str) -> Result<String> {
    let pack = temp.join(format!("misbehaving-{version}"));
    fixtures::copy_folder(&workspace().join("packs/os/debian-13-plain"), &pack)?;
    std::fs::write(
        pack.join("machine_note/tasks/main.yml"),
        format!(
            "---\n- name: Misbehave\n  ansible.builtin.shell:\n    cmd: {script:?}\n  changed_when: true\n- name: Go on\n  ansible.builtin.command:\n    cmd: \"true\"\n  changed_when: false\n"
        ),
    )?;
    let own = "\"version\": \"1.0.0\"";
    let changed = format!("\"version\": \"{version}\"");
    fixtures::edit(&pack.join("pack.json"), own, &changed)?;
    server.run(&["pack", "push", text(&pack)?])?.ok()?;
    let file = temp.join(format!("profile-{version}.yaml"));
    let plain = workspace().join("packs/profiles/qemu-debian-13-plain.yaml");
    std::fs::copy(plain, &file)?;
    let pinned = "version: 1.0.0\n        tag: 1.0.0";
    let moved = format!("version: {version}\n        tag: {version}");
    fixtures::edit(&file, pinned, &moved)?;
    publish::profile(server, &file)
}
