//! What a build's machine may reach: a small forward proxy of the build's own, on this host.
//!
//! The machine comes to it through its own SSH connection, so it works at every provider and
//! nobody else can use it. It lets through what `builder.reach` allows, goes on through the
//! proxy of this site where there is one, and says no in a sentence. With an allow-list the
//! machine has no other way out. It does not look into what goes through.

mod dial;
mod guest;
mod judge;
mod names;
mod proxy;
mod relay;
mod rule;
mod serve;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use dial::Dialler;
pub(crate) use guest::{GUEST_ADDRESS, boot_command, environment, files, until_reached};
pub(crate) use judge::Refusal;
pub(crate) use proxy::{CONNECTIONS, GuestProxy, IDLE, TOLD};
pub use rule::{ParseReachError, ReachRule};
pub(crate) use serve::HEAD_BYTES;
