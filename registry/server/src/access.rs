//! Who may do what with a repository: the one question that every handler asks.
//!
//! Who the caller is, somebody else found out before: the answer is among the
//! request's extensions, and only an [`Access`] looks at it.

use std::fmt;

use http::Extensions;
use registry_pack::RepositoryName;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Write blobs, manifests and tags.
    Push,
    /// Delete blobs, manifests and tags.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
            Self::Delete => "delete in",
        })
    }
}

/// Decides for each repository that a request touches, a mount's source included.
pub trait Access: Send + Sync + 'static {
    /// Whether the caller, as the request's extensions describe it, may do this.
    fn allows(&self, caller: &Extensions, repository: &RepositoryName, action: Action) -> bool;

    /// Whether the caller may keep the registry itself in order, such as begin a garbage
    /// collection. Nobody may unless it is said.
    fn administers(&self, _caller: &Extensions) -> bool {
        false
    }
}

/// Whoever gets as far as the router may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Access for AllowAll {
    fn allows(&self, _: &Extensions, _: &RepositoryName, _: Action) -> bool {
        true
    }

    fn administers(&self, _: &Extensions) -> bool {
        true
    }
}
