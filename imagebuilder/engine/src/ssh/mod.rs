//! The way into a machine that is being built: keys of its own, a host key that is known before the first packet.
//!
//! No password, no agent, no key of this host, nothing from the user's own SSH configuration.

mod client;
mod keys;

pub(crate) use client::{
    Forward, Master, Shell, Ssh, SshError, SystemShell, is_about_host_key, quote, socket_path,
};
pub(crate) use keys::BuildKeys;

/// The user that cloud-init creates for the build; `seal` removes it.
pub(crate) const BUILD_USER: &str = "packyard-build";
/// The user of the throw-away machine that verifies an image; it is never in an image.
pub(crate) const VERIFY_USER: &str = "packyard-verify";
