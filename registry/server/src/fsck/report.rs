//! What a check tells of itself.

use registry_store::{Damage, Extent, Fault, Hit, Progress, Unknown};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// None was ever begun.
    Never,
    /// It is reading.
    Running,
    /// It was cut off and can go on.
    Stopped,
    /// Everything was read.
    Finished,
    /// The store as a whole failed.
    Failed,
}

/// How far a check is, and what it found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) state: State,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<jiff::Timestamp>,
    checked: Amount,
    /// What there was when it began.
    total: Amount,
    /// Damaged blobs, those that were known before too.
    pub(crate) damage: Vec<DamageView>,
    /// Objects without rows, looked for last.
    pub(crate) unknown: Option<UnknownView>,
    /// Why it failed.
    pub(crate) error: Option<String>,
}

/// So many blobs of so many bytes.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Amount {
    blobs: u64,
    bytes: u64,
}

/// A damaged blob.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DamageView {
    #[schema(value_type = String)]
    pub(crate) digest: registry_pack::Digest,
    pub(crate) size: u64,
    /// missing, truncated, changed or unreadable; null if it was found earlier
    fault: Option<&'static str>,
    /// Where its bytes are now, below the registry's folder.
    quarantined: Option<String>,
    pub(crate) repositories: Vec<HitView>,
    /// Whether it is good again.
    pub(crate) repaired: bool,
    /// Why it could not be repaired.
    pub(crate) remark: Option<String>,
}

/// A repository that has a damaged blob.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HitView {
    pub(crate) repository: String,
    /// Digests of manifests that name it.
    manifests: Vec<String>,
    tags: Vec<String>,
}

/// Objects without rows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UnknownView {
    objects: u64,
    bytes: u64,
    /// The first hundred of them.
    keys: Vec<String>,
}

impl Report {
    /// Of a check that begins now.
    pub(crate) fn running(total: Extent) -> Self {
        Self {
            state: State::Running,
            started_at: None,
            checked: Amount { blobs: 0, bytes: 0 },
            total: Amount {
                blobs: total.blobs,
                bytes: total.bytes,
            },
            damage: Vec::new(),
            unknown: None,
            error: None,
        }
    }

    pub(crate) fn advance(&mut self, progress: &Progress) {
        self.started_at = jiff::Timestamp::from_millisecond(progress.started_at).ok();
        self.checked = Amount {
            blobs: progress.blobs,
            bytes: progress.bytes,
        };
    }
}

impl From<Damage> for DamageView {
    fn from(damage: Damage) -> Self {
        Self {
            digest: damage.digest,
            size: damage.size_bytes,
            fault: damage.fault.map(|fault| match fault {
                Fault::Missing => "missing",
                Fault::Truncated => "truncated",
                Fault::Changed => "changed",
                Fault::Unreadable => "unreadable",
            }),
            quarantined: damage.quarantined,
            repositories: damage.hit.into_iter().map(HitView::from).collect(),
            repaired: false,
            remark: None,
        }
    }
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        Self {
            repository: hit.repository,
            manifests: hit.manifests,
            tags: hit.tags,
        }
    }
}

impl From<Unknown> for UnknownView {
    fn from(unknown: Unknown) -> Self {
        Self {
            objects: unknown.objects,
            bytes: unknown.bytes,
            keys: unknown.keys,
        }
    }
}
