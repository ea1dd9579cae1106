//! Machines of a build: launched with keys of their own, waited for, looked at, destroyed.
//!
//! Intent is in the journal before the provider is called, the id right after.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imagebuilder_provider::{
    DiskId, HostKey, Machine, MachineId, MachineSpec, MachineState, Media, Network, ProviderError,
    Remedy as Cure, Seed, Tags, switch_off_after,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::build::Build;
use crate::failure::{Failure, Remedy, chain};
use crate::journal::stamp;
use crate::process::tail;
use crate::reach::{self, Dialler, GuestProxy};
use crate::ssh::{BuildKeys, Forward, Master, Ssh, SshError, socket_path};

/// Purposes of machines.
pub(crate) const BUILD: &str = "build";
pub(crate) const VERIFY: &str = "verify";

const MACHINE: &str = "machine";
const CONSOLE_KEPT_BYTES: usize = 4 << 20;
const CONSOLE_TAIL_BYTES: usize = 1500;
/// One try to log in: an emulated guest takes seconds for a key exchange.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a machine is looked at while Ansible works on it.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
const BETWEEN_GREETINGS: Duration = Duration::from_millis(500);
const BETWEEN_LOGINS: Duration = Duration::from_secs(3);

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let message = match error.hint() {
            "" => chain(&error),
            hint => format!("{}; {hint}", chain(&error)),
        };
        // A passing fault has its own pace, the back-off's; room comes back when others say.
        match error.remedy() {
            Cure::Retry => Self::retry("ProviderFailed", message),
            Cure::Wait => Self::new(Remedy::Wait, "ProviderBusy", message)
                .not_before(error.retry_after().unwrap_or_default()),
            Cure::Elsewhere => Self::new(Remedy::Elsewhere, "NoCapacity", message)
                .not_before(error.retry_after().unwrap_or_default()),
            Cure::Person => Self::person("ProviderRefused", message),
            Cure::Never => Self::new(Remedy::Never, "ProviderCannot", message),
        }
    }
}

/// What a machine is to be.
pub(crate) struct Wanted {
    pub(crate) purpose: &'static str,
    pub(crate) user: &'static str,
    pub(crate) disk: DiskId,
    pub(crate) disk_size_bytes: u64,
    pub(crate) media: Vec<Media>,
    pub(crate) network: Network,
    /// Whether it has a proxy of this host's for what it wants from outside.
    pub(crate) proxied: bool,
}

/// A machine of a build that SSH can reach, or will.
pub(crate) struct LiveMachine {
    pub(crate) id: MachineId,
    pub(crate) ssh: Ssh,
    /// cloud-init's name for this boot.
    pub(crate) instance: String,
    /// Whether the role `seal` has run to its end on it.
    sealed: AtomicBool,
    proxied: bool,
    /// What lets through what it may reach, once it is connected.
    proxy: Option<GuestProxy>,
    /// Holds the shared connection open.
    _master: Option<Master>,
}

impl LiveMachine {
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Relaxed)
    }

    /// The way out that it was given.
    pub(crate) fn proxy(&self) -> Option<&GuestProxy> {
        self.proxy.as_ref()
    }

    pub(crate) fn set_sealed(&self) {
        self.sealed.store(true, Ordering::Relaxed);
    }
}

/// A build needs of cloud-init a user, keys and a grown disk, and nothing that it does late in
/// the boot; and the machine switches itself off at its deadline, whoever is gone by then.
fn more_seed(lifetime: Duration, proxied: bool) -> Map<String, Value> {
    let mut commands = vec![switch_off_after(lifetime)];
    let mut seed: Map<String, Value> = ["cloud_config_modules", "cloud_final_modules"]
        .map(|key| (key.to_owned(), json!([])))
        .into_iter()
        .collect();
    if proxied {
        commands.push(reach::boot_command());
        seed.insert("write_files".to_owned(), reach::files());
    }
    seed.insert("bootcmd".to_owned(), commands.into());
    seed
}

/// Launches a machine in place of any that the build has for this purpose.
pub(crate) async fn launch(build: &Build, wanted: Wanted) -> Result<LiveMachine, Failure> {
    // One that an interrupted try left has other keys: it is of no use.
    destroy(build, wanted.purpose).await?;
    let number = build.next_machine().await?;
    let deadline = Timestamp::now() + build.shop.config.machine_lifetime;
    let tags = Tags {
        build: build
            .id
            .parse()
            .map_err(|error: imagebuilder_api::ParseIdError| {
                Failure::person("Internal", error.to_string())
            })?,
        purpose: wanted.purpose.to_owned(),
        attempt: number,
        deadline,
    };
    let intent = tags.machine_id()?.to_string();
    let keys = BuildKeys::create(&build.path(&format!("keys-{}", wanted.purpose))?).await?;
    // A role may print what it finds in /etc/ssh.
    build.hide(keys.private());
    let provider = &build.shop.provider;
    build
        .journal
        .intend(
            &intent,
            MACHINE,
            wanted.purpose,
            provider.name(),
            &stamp(deadline),
        )
        .await?;
    let instance = format!("packyard-{}-{}-{number}", build.id, wanted.purpose);
    let size = build.size();
    let spec = MachineSpec {
        tags,
        disk: wanted.disk,
        cpus: size.cpus,
        memory_bytes: size.memory_bytes(),
        disk_size_bytes: wanted.disk_size_bytes,
        seed: Seed {
            instance_id: instance.clone(),
            hostname: "localhost".to_owned(),
            user: wanted.user.to_owned(),
            ssh_authorized_key: keys.user_public.clone(),
            ssh_host_key: HostKey {
                private: keys.host_private.clone(),
                public: keys.host_public.clone(),
            },
            extra: Some(more_seed(
                build.shop.config.machine_lifetime,
                wanted.proxied,
            )),
        },
        media: wanted.media,
        network: wanted.network,
    };
    let Machine { id, ssh } = provider.launch(&spec).await?;
    build.journal.created(&intent, id.as_str()).await?;
    let ssh = Ssh::new(
        Arc::clone(&build.shop.shell),
        ssh,
        wanted.user,
        &keys,
        &build.folder,
    );
    Ok(LiveMachine {
        id,
        ssh,
        instance,
        sealed: AtomicBool::new(false),
        proxied: wanted.proxied,
        proxy: None,
        _master: None,
    })
}

/// Waits until the machine answers with the host key that it was given; answers with it connected.
pub(crate) async fn wait_for_ssh(
    build: &Build,
    machine: &LiveMachine,
) -> Result<LiveMachine, Failure> {
    let limit = build.shop.config.boot_timeout;
    let started = Instant::now();
    loop {
        let (last, pause) = if !machine.ssh.greets().await {
            ("no SSH server answers".to_owned(), BETWEEN_GREETINGS)
        } else {
            match machine.ssh.user("log in", "true", LOGIN_TIMEOUT).await {
                Ok(_) => break,
                Err(error @ SshError::HostKey { .. }) => return Err(error.into()),
                Err(error) => (chain(&error), BETWEEN_LOGINS),
            }
        };
        lost(build, &machine.id).await?;
        if started.elapsed() >= limit {
            let console = console_tail(build, &machine.id).await;
            let message = format!(
                "the machine did not answer over SSH within {} s ({last}); if it only boots slowly, raise builder.boot_timeout_secs; {console}",
                limit.as_secs()
            );
            return Err(Failure::person("BootTimeout", message));
        }
        tokio::time::sleep(pause).await;
    }
    let proxy = match machine.proxied {
        true => Some(open_proxy(build, machine)?),
        false => None,
    };
    let forward = proxy.as_ref().map(|proxy| Forward {
        from: reach::GUEST_ADDRESS,
        to: proxy.socket().to_owned(),
    });
    let master = machine.ssh.open(forward)?;
    let connected = LiveMachine {
        id: machine.id.clone(),
        ssh: machine.ssh.clone(),
        instance: machine.instance.clone(),
        sealed: AtomicBool::new(false),
        proxied: machine.proxied,
        proxy,
        _master: master,
    };
    if connected.proxied {
        reach::until_reached(&connected).await?;
    }
    Ok(connected)
}

fn open_proxy(build: &Build, machine: &LiveMachine) -> Result<GuestProxy, Failure> {
    let config = &build.shop.config;
    let socket = socket_path(&build.folder, "proxy", machine.ssh.address);
    let dialler = Dialler::new(config.reach.clone(), config.proxies.clone());
    GuestProxy::open(socket, dialler)
        .map_err(|error| Failure::host("open the proxy of the build's machine", &error))
}

/// Fails once the machine stops or its kernel panics; else it never ends. Runs beside what needs the machine.
pub(crate) async fn watch(build: &Build, id: &MachineId) -> Failure {
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        match lost(build, id).await {
            Ok(()) => {}
            // A provider that does not answer now says nothing about the machine.
            Err(failure) if matches!(failure.remedy, Remedy::Retry | Remedy::Wait) => {}
            Err(failure) => return failure,
        }
    }
}

/// Whether the machine cannot go on: it stopped, or its kernel panicked and answers no more.
async fn lost(build: &Build, id: &MachineId) -> Result<(), Failure> {
    let (reason, what) = match build.shop.provider.machine(id).await? {
        MachineState::Stopped { .. } | MachineState::Gone => {
            ("MachineStopped", "the machine stopped")
        }
        MachineState::Running { .. } if panicked(build, id).await => {
            ("GuestPanicked", "the guest's kernel panicked")
        }
        MachineState::Running { .. } => return Ok(()),
    };
    let message = format!("{what}; {}", console_tail(build, id).await);
    Err(Failure::new(Remedy::NewMachine, reason, message))
}

/// Destroys the build's machines of a purpose, keeping what they said on the console.
pub(crate) async fn destroy(build: &Build, purpose: &str) -> Result<(), Failure> {
    let mut failed = None;
    for row in build.shop.journal.resources_of(&build.id).await? {
        if row.kind != MACHINE || row.purpose != purpose {
            continue;
        }
        // Without an id the call may still have happened: machines are named by their intent.
        let name = row.id.as_deref().unwrap_or(&row.intent);
        let ended = match name.parse::<MachineId>() {
            Ok(id) => {
                keep_console(build, &id).await;
                build
                    .shop
                    .provider
                    .destroy(&id)
                    .await
                    .map_err(Failure::from)
            }
            Err(_) => Ok(()),
        };
        match ended {
            Ok(()) => build.shop.journal.resource_gone(&row.intent).await?,
            Err(failure) => failed = Some(failure),
        }
    }
    BuildKeys::delete(&build.folder.join(format!("keys-{purpose}")));
    failed.map_or(Ok(()), Err)
}

/// Where the console of a machine is kept for the logs.
pub(crate) fn console_file(build: &Build, id: &MachineId) -> PathBuf {
    build.folder.join("console").join(format!("{id}.log"))
}

async fn keep_console(build: &Build, id: &MachineId) {
    let Ok(bytes) = build.shop.provider.console(id, CONSOLE_KEPT_BYTES).await else {
        return;
    };
    let path = console_file(build, id);
    let keep = || {
        std::fs::create_dir_all(build.folder.join("console"))?;
        let mut file = std::fs::File::create(&path)?;
        build.masker().copy(&mut bytes.as_slice(), &mut file)
    };
    if let Err(error) = keep() {
        tracing::warn!(build.id = %build.id, "cannot keep the console in {}: {error}", path.display());
    }
}

/// Whether the last thing on the console is a panic: such a machine runs on, and never answers.
async fn panicked(build: &Build, id: &MachineId) -> bool {
    let console = build.shop.provider.console(id, CONSOLE_TAIL_BYTES).await;
    console.is_ok_and(|bytes| has_panic(&String::from_utf8_lossy(&bytes)))
}

/// Linux writes this line as the last but a few of every panic (kernel/panic.c).
fn has_panic(console: &str) -> bool {
    console.contains("Kernel panic - not syncing")
}

async fn console_tail(build: &Build, id: &MachineId) -> String {
    let Ok(bytes) = build
        .shop
        .provider
        .console(id, CONSOLE_TAIL_BYTES * 4)
        .await
    else {
        return "there is no console output".to_owned();
    };
    let text: String = String::from_utf8_lossy(&bytes)
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    match text.trim() {
        "" => "the console stayed empty".to_owned(),
        text => format!("the console ends with:\n{}", tail(text, CONSOLE_TAIL_BYTES)),
    }
}

#[cfg(test)]
mod unit {
    use std::time::Duration;

    use super::{has_panic, more_seed};

    #[test]
    fn a_machine_with_a_proxy_switches_itself_off_too() {
        let commands =
            |proxied| more_seed(Duration::from_secs(7200), proxied)["bootcmd"].to_string();
        assert!(commands(true).contains("set-environment"));
        for proxied in [false, true] {
            assert!(commands(proxied).contains("OnBootSec=7200"), "{proxied}");
        }
    }

    #[test]
    fn a_panic_is_told_from_talk_of_one() {
        assert!(has_panic(
            "[   47.07] Kernel panic - not syncing: Fatal exception in interrupt\n"
        ));
        assert!(!has_panic("[    0.00] Command line: panic=10\n"));
    }
}
