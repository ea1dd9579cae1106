//! The key that the order of versions looks at, made of one text alone.

use std::cmp::Ordering;

/// What the order looks at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    core: Vec<Vec<Run>>,
    pre: Pre,
}

/// A release comes after all of its pre-releases.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    Before(Vec<Identifier>),
    Release,
}

/// A dot-separated identifier of a pre-release: numbers come before words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(Number),
    Word(String),
}

/// A stretch of digits or of anything else within a part of the core.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Text(String),
    Number(Number),
}

/// Digits without leading zeros; longer is greater.
#[derive(Clone, PartialEq, Eq)]
struct Number(String);

impl Number {
    fn of(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').to_owned())
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    pub(super) fn is_pre_release(&self) -> bool {
        self.pre != Pre::Release
    }

    pub(super) fn of(text: &str) -> Self {
        let (core, pre) = split(text);
        let mut core: Vec<Vec<Run>> = core.split('.').map(runs).collect();
        let zero = [Run::Number(Number(String::new()))];
        while core
            .last()
            .is_some_and(|part| part.is_empty() || part[..] == zero)
        {
            core.pop();
        }
        let pre = pre.map_or(Pre::Release, |pre| {
            Pre::Before(pre.split('.').map(identifier).collect())
        });
        Self { core, pre }
    }
}

/// Core and pre-release, without the leading `v` and the build metadata.
pub(super) fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.split('+').next().unwrap_or(text);
    let text = match text.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    };
    match text.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text, None),
    }
}

fn identifier(text: &str) -> Identifier {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        Identifier::Number(Number::of(text))
    } else {
        Identifier::Word(text.to_owned())
    }
}

fn runs(part: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        runs.push(if digits {
            Run::Number(Number::of(run))
        } else {
            Run::Text(run.to_owned())
        });
        rest = tail;
    }
    runs
}
