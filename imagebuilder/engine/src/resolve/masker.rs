//! Hides secrets by value: wherever they turn up, and in whatever form.
//!
//! A secret does not always come as it was given. Ansible prints JSON, a role prints a
//! URL or a base64 blob, a key has many lines and some program prints one of them. So each
//! secret becomes a list of texts to look for, and all texts of all secrets are looked for
//! at once.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};

use crate::resolve::forms::forms;

/// What stands in a secret's place.
pub(crate) const MASK: &str = "********";
/// Shorter texts are not masked: they would tear every log apart.
pub(crate) const SHORTEST_SECRET: usize = 4;
const BLOCK_BYTES: usize = 256 << 10;

/// Hides known secrets. It holds their values: it is never written anywhere, and shows nothing of itself.
#[derive(Clone, Default)]
pub(crate) struct Masker {
    values: BTreeSet<String>,
    search: Option<Search>,
}

#[derive(Clone)]
struct Search {
    all: AhoCorasick,
    longest: usize,
}

impl Masker {
    /// Hides these values and every form of them.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let values = long_enough(values);
        let texts: BTreeSet<String> = values.iter().flat_map(|value| forms(value)).collect();
        let longest = texts.iter().map(String::len).max().unwrap_or_default();
        let search = (!texts.is_empty()).then(|| Search {
            all: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&texts)
                .expect("some thousand texts of some kilobytes fit an automaton"),
            longest,
        });
        Self { values, search }
    }

    /// The same, and more values.
    pub(crate) fn with(&self, more: impl IntoIterator<Item = String>) -> Self {
        Self::new(self.values.iter().cloned().chain(more))
    }

    /// Whether this hides just what `other` does and these values.
    pub(crate) fn hides(&self, other: &Self, values: &[String]) -> bool {
        let more = long_enough(values.iter().cloned());
        self.values.len() == other.values.union(&more).count()
            && self.values.is_superset(&other.values)
            && self.values.is_superset(&more)
    }

    /// Whether the text holds a secret.
    pub(crate) fn covers(&self, text: &str) -> bool {
        self.search
            .as_ref()
            .is_some_and(|search| search.all.is_match(text))
    }

    /// The text without secrets.
    pub(crate) fn mask(&self, text: &str) -> String {
        let Some(search) = &self.search else {
            return text.to_owned();
        };
        let mut out = String::with_capacity(text.len());
        search.all.replace_all_with(text, &mut out, |_, _, out| {
            out.push_str(MASK);
            true
        });
        out
    }

    /// The value without secrets: still the same JSON, whatever a secret holds.
    pub(crate) fn json(&self, value: Value) -> Value {
        if self.search.is_none() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.mask(&text)),
            Value::Number(number) if self.covers(&number.to_string()) => MASK.into(),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(entries) => {
                let entry = |(key, value): (String, Value)| (self.mask(&key), self.json(value));
                Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
            }
            other => other,
        }
    }

    /// The bytes without secrets, a block at a time: a secret that two blocks share is found.
    pub(crate) fn copy(&self, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
        let Some(search) = &self.search else {
            return io::copy(from, to).map(drop);
        };
        let mut waiting = Vec::new();
        loop {
            let read = from
                .by_ref()
                .take(BLOCK_BYTES as u64)
                .read_to_end(&mut waiting)?;
            // What begins before this cannot be cut off by the end of the block.
            let safe = match read {
                0 => waiting.len(),
                _ => waiting.len().saturating_sub(search.longest),
            };
            let mut done = 0;
            for found in search.all.find_iter(&waiting) {
                if found.start() >= safe {
                    break;
                }
                to.write_all(&waiting[done..found.start()])?;
                to.write_all(MASK.as_bytes())?;
                done = found.end();
            }
            let rest = done.max(safe);
            to.write_all(&waiting[done..rest])?;
            if read == 0 {
                return Ok(());
            }
            waiting.drain(..rest);
        }
    }
}

fn long_enough(values: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let long_enough = |value: &String| value.trim().len() >= SHORTEST_SECRET;
    values.into_iter().filter(long_enough).collect()
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker({} secrets)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masker(values: &[&str]) -> Masker {
        Masker::new(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn the_longest_secret_goes_whole() {
        let masker = masker(&["hunter", "hunter22", "abc"]);
        assert_eq!(masker.mask("hunter22 hunter abc"), "******** ******** abc");
        assert_eq!(format!("{masker:?}"), "Masker(2 secrets)");
    }

    #[test]
    fn json_stays_json() {
        let masker = masker(&["{\"a\":1}", "12345678", "tru\"e"]);
        let masked =
            masker.json(json!({"x": {"a": 1}, "pin": 12345678, "t": ["tru\"e"], "k": "{\"a\":1}"}));
        assert_eq!(
            masked,
            json!({"x": {"a": 1}, "pin": MASK, "t": [MASK], "k": MASK})
        );
    }

    #[test]
    fn blocks_hide_what_lies_across_their_border() {
        let secret = "s3cr3t-".repeat(40);
        let masker = masker(&[&secret, "short-one"]);
        for before in [
            0,
            1,
            BLOCK_BYTES - 280,
            BLOCK_BYTES - 100,
            BLOCK_BYTES - 1,
            BLOCK_BYTES,
        ] {
            let text = format!(
                "{}{secret}short-one{}",
                "x".repeat(before),
                "y".repeat(BLOCK_BYTES)
            );
            let mut out = Vec::new();
            masker.copy(&mut text.as_bytes(), &mut out).unwrap();
            let expected = format!(
                "{}{MASK}{MASK}{}",
                "x".repeat(before),
                "y".repeat(BLOCK_BYTES)
            );
            assert!(out == expected.as_bytes(), "{before}");
        }
    }
}
