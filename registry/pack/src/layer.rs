//! The layers of a cluster, in the order in which a profile stacks them.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text::serde_as_text;

/// Which part of a cluster a pack is. `Ord` is the order of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A kernel; named by the schema, seen in no public pack.
    Kernel,
    /// An operating system.
    Os,
    /// A Kubernetes distribution.
    K8s,
    /// Container networking.
    Cni,
    /// Container storage.
    Csi,
    /// Anything on top.
    Addon,
}

impl Layer {
    /// All layers, in order.
    pub const ALL: [Self; 6] = [
        Self::Kernel,
        Self::Os,
        Self::K8s,
        Self::Cni,
        Self::Csi,
        Self::Addon,
    ];

    /// The word in `pack.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Os => "os",
            Self::K8s => "k8s",
            Self::Cni => "cni",
            Self::Csi => "csi",
            Self::Addon => "addon",
        }
    }
}

impl FromStr for Layer {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|layer| layer.as_str() == text);
        found.ok_or_else(|| {
            ParseError::new(
                "layer",
                text,
                "is not known",
                "use one of kernel, os, k8s, cni, csi, addon",
            )
        })
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Layer);
