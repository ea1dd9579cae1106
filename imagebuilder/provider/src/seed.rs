//! What a machine learns at its first boot, through cloud-init.
//!
//! Who carries it there (a volume, a metadata service) is each provider's matter.

use std::fmt;

use serde_json::{Value, json};

/// What a machine learns at its first boot.
#[derive(Debug)]
pub struct Seed {
    /// cloud-init's instance id: a new one makes it a new machine to the guest.
    pub instance_id: String,
    /// The host name.
    pub hostname: String,
    /// The user that is made. It may become root without a password and can log in only with the key.
    pub user: String,
    /// The public key of that user, one line as in `authorized_keys`.
    pub ssh_authorized_key: String,
    /// The machine's own key, so that it is known before the first connection.
    pub ssh_host_key: HostKey,
    /// More keys of cloud-config, put over ours key by key; an object, or nothing.
    pub extra: Option<serde_json::Map<String, Value>>,
}

/// An ed25519 host key, in OpenSSH's forms.
pub struct HostKey {
    /// The private key (`-----BEGIN OPENSSH PRIVATE KEY-----`).
    pub private: String,
    /// The public key, one line.
    pub public: String,
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl Seed {
    /// cloud-init's `user-data`. JSON is YAML, and needs no quoting rules of ours.
    pub fn user_data(&self) -> String {
        let mut config = json!({
            "users": [{
                "name": self.user,
                "lock_passwd": true,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [self.ssh_authorized_key],
            }],
            "disable_root": true,
            "ssh_pwauth": false,
            "ssh_deletekeys": true,
            // Only the key that we gave: making others costs seconds in an emulated guest.
            "ssh_genkeytypes": [],
            "ssh_keys": {
                "ed25519_private": self.ssh_host_key.private,
                "ed25519_public": self.ssh_host_key.public,
            },
            "ssh": { "emit_keys_to_console": false },
            "package_update": false,
            "package_upgrade": false,
        });
        if let (Some(object), Some(extra)) = (config.as_object_mut(), &self.extra) {
            object.extend(extra.clone());
        }
        format!("#cloud-config\n{config:#}\n")
    }

    /// cloud-init's `meta-data`.
    pub fn meta_data(&self) -> String {
        let meta = json!({ "instance-id": self.instance_id, "local-hostname": self.hostname });
        format!("{meta:#}\n")
    }
}
