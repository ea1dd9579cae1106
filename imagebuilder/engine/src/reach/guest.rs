//! What the guest is told of its proxy: at its boot by cloud-init, and with every play by Ansible.
//!
//! Nothing of it may be in an image: `seal` removes the files, and `verify.sh` looks for them.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::machine::LiveMachine;
use crate::ssh::BUILD_USER;

/// Where the guest finds its proxy: on its own loopback, at a port that no service is known for.
pub(crate) const GUEST_ADDRESS: &str = "127.0.0.1:18128";
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// The forward is there a moment after the connection.
const REACHED_WITHIN: Duration = Duration::from_secs(180);
const TRIES: u32 = 100;

/// The environment of whatever runs in the guest. Programs differ in which case they read.
pub(crate) fn environment() -> Map<String, Value> {
    let proxy = format!("http://{GUEST_ADDRESS}");
    [
        ("http_proxy", proxy.as_str()),
        ("https_proxy", &proxy),
        ("no_proxy", NO_PROXY),
    ]
    .into_iter()
    .flat_map(|(name, value)| {
        [name.to_owned(), name.to_uppercase()].map(|name| (name, json!(value)))
    })
    .collect()
}

/// cloud-init's command at each boot: the way out for what no play starts.
///
/// The environment of services is kept by systemd alone and is gone with the machine.
pub(crate) fn boot_command() -> Value {
    let variables = environment().into_iter();
    let variables =
        variables.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
    ["systemctl", "set-environment"]
        .map(str::to_owned)
        .into_iter()
        .chain(variables)
        .collect()
}

/// cloud-init's files: the way out for apt, and leave to open it.
///
/// sshd is asked for nothing but this forward, by this user, and also where a hardened stage
/// forbids all others: what a `Match` block says wins over what stands outside of one.
pub(crate) fn files() -> Value {
    let apt = format!(
        "Acquire::http::Proxy \"http://{GUEST_ADDRESS}\";\n\
         Acquire::https::Proxy \"http://{GUEST_ADDRESS}\";\n\
         Acquire::http::Proxy::localhost \"DIRECT\";\n\
         Acquire::http::Proxy::127.0.0.1 \"DIRECT\";\n"
    );
    let sshd = format!(
        "Match User {BUILD_USER}\n\
         \tDisableForwarding no\n\
         \tAllowTcpForwarding remote\n\
         \tPermitListen {GUEST_ADDRESS}\n"
    );
    json!([
        {"path": "/etc/apt/apt.conf.d/95packyard-proxy", "content": apt, "permissions": "0644"},
        {"path": "/etc/ssh/sshd_config.d/01-packyard-build.conf", "content": sshd, "permissions": "0600"},
    ])
}

/// Waits until the guest reaches its proxy.
pub(crate) async fn until_reached(machine: &LiveMachine) -> Result<(), Failure> {
    let (host, port) = GUEST_ADDRESS.split_once(':').unwrap_or_default();
    let script = format!(
        "for try in $(seq {TRIES}); do (exec 3<>/dev/tcp/{host}/{port}) 2>/dev/null && exit 0; sleep 1; done\n\
         echo 'nothing listens on {GUEST_ADDRESS}: sshd did not allow the forward to the builder' >&2; exit 1"
    );
    machine
        .ssh
        .root("reach the builder's proxy", &script, REACHED_WITHIN)
        .await?;
    Ok(())
}
