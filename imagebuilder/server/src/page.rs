//! Pages of lists: how long one is, and where the next begins.

use serde::Deserialize;

pub(crate) const LONGEST: u32 = 1000;
const USUAL: u32 = 100;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    limit: Option<u32>,
    last: Option<String>,
}

impl Page {
    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(USUAL).clamp(1, LONGEST)
    }

    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// The cursor of the next page: nothing where this one is not full.
    pub(crate) fn next<T>(
        &self,
        items: &[T],
        name: impl Fn(&T) -> Option<String>,
    ) -> Option<String> {
        let full = items.len() >= self.limit() as usize;
        items.last().filter(|_| full).and_then(name)
    }
}
