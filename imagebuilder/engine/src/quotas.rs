//! How much may run at once: slots of places and sizes, and quotas of projects.
//!
//! It only says the bounds; who is next within them is `fair`'s matter.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bounds over all workers of one journal. Every server of it should be told the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Builds at once by provider, region and machine size; each rule that fits counts.
    pub slots: Vec<SlotRule>,
    /// What a project may have unless it is named in `projects`.
    pub each_project: Quota,
    /// What single projects may have instead.
    pub projects: BTreeMap<String, Quota>,
}

impl Limits {
    /// Builds of a project that have not ended, where nobody says otherwise: enough for any
    /// pipeline, and not enough to bury the others.
    const QUEUED: u32 = 1000;

    pub(crate) fn of_project(&self, project: &str) -> &Quota {
        self.projects.get(project).unwrap_or(&self.each_project)
    }

    pub(crate) fn queued(&self, project: &str) -> u32 {
        self.of_project(project).queued.unwrap_or(Self::QUEUED)
    }
}

/// What one project may have; nothing said is no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// Builds at once.
    pub builds: Option<u32>,
    /// Minutes of building a day (UTC), over all builds.
    pub minutes_a_day: Option<u32>,
    /// Builds that have not ended; one more is refused.
    pub queued: Option<u32>,
}

/// At most so many builds at once there: `qemu/local/2x2048=4`, with `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotRule {
    /// The provider, or any.
    pub provider: Option<String>,
    /// The region, or any.
    pub region: Option<String>,
    /// The machine size, or any.
    pub size: Option<String>,
    /// How many.
    pub at_most: u32,
}

/// The quota of one project: `team-a builds=4 minutes=600 queued=50`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectQuota {
    /// The project.
    pub project: String,
    /// What it may have.
    pub quota: Quota,
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct ParseLimitError {
    text: String,
    what: &'static str,
}

impl ParseLimitError {
    fn new(text: &str, what: &'static str) -> Self {
        let text = text.chars().take(100).collect();
        Self { text, what }
    }
}

impl SlotRule {
    pub(crate) fn fits(&self, provider: &str, region: &str, size: &str) -> bool {
        let fits = |rule: &Option<String>, is: &str| rule.as_deref().is_none_or(|rule| rule == is);
        fits(&self.provider, provider) && fits(&self.region, region) && fits(&self.size, size)
    }
}

impl fmt::Display for SlotRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
        let (provider, region, size) = (any(&self.provider), any(&self.region), any(&self.size));
        write!(f, "{provider}/{region}/{size}={}", self.at_most)
    }
}

impl FromStr for SlotRule {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, ParseLimitError> {
        let parse = || {
            let (place, at_most) = text.split_once('=')?;
            let parts: Vec<&str> = place.split('/').map(str::trim).collect();
            let [provider, region, size] = parts.as_slice() else {
                return None;
            };
            if parts.iter().any(|part| part.is_empty()) {
                return None;
            }
            let any = |part: &str| (part != "*").then(|| part.to_owned());
            Some(Self {
                provider: any(provider),
                region: any(region),
                size: any(size),
                at_most: at_most.trim().parse().ok()?,
            })
        };
        let what = "rule for slots; write PROVIDER/REGION/SIZE=NUMBER, such as qemu/local/*=4";
        parse().ok_or_else(|| ParseLimitError::new(text, what))
    }
}

impl fmt::Display for ProjectQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.project)?;
        let Quota {
            builds,
            minutes_a_day,
            queued,
        } = &self.quota;
        for (word, number) in [
            ("builds", builds),
            ("minutes", minutes_a_day),
            ("queued", queued),
        ] {
            if let Some(number) = number {
                write!(f, " {word}={number}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for ProjectQuota {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, ParseLimitError> {
        let what =
            "quota; write PROJECT builds=NUMBER minutes=NUMBER queued=NUMBER, each if wanted";
        let wrong = || ParseLimitError::new(text, what);
        let mut words = text.split_whitespace();
        let project = words.next().filter(|word| !word.contains('='));
        let project = project.ok_or_else(wrong)?.to_owned();
        let mut quota = Quota::default();
        for word in words {
            let (key, number) = word.split_once('=').ok_or_else(wrong)?;
            let number = Some(number.parse().map_err(|_| wrong())?);
            match key {
                "builds" => quota.builds = number,
                "minutes" => quota.minutes_a_day = number,
                "queued" => quota.queued = number,
                _ => return Err(wrong()),
            }
        }
        Ok(Self { project, quota })
    }
}

macro_rules! as_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = ParseLimitError;

            fn try_from(text: String) -> Result<Self, ParseLimitError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(rule: $type) -> Self {
                rule.to_string()
            }
        }
    };
}

as_text!(SlotRule);
as_text!(ProjectQuota);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        for text in ["qemu/local/2x2048=4", "*/eu-1/*=0", "*/*/*=10"] {
            assert_eq!(text.parse::<SlotRule>().unwrap().to_string(), text);
        }
        for text in ["team-a builds=4 minutes=600 queued=5", "b minutes=1", "c"] {
            assert_eq!(text.parse::<ProjectQuota>().unwrap().to_string(), text);
        }
        for bad in ["", "qemu=4", "a/b/c", "a/b/c=many", "a//c=1", "a/b/c/d=1"] {
            assert!(bad.parse::<SlotRule>().is_err(), "{bad}");
        }
        for bad in ["", "builds=1", "a builds", "a builds=x", "a colour=1"] {
            assert!(bad.parse::<ProjectQuota>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rule_fits_what_it_names() {
        let rule: SlotRule = "qemu/*/2x2048=1".parse().unwrap();
        assert!(rule.fits("qemu", "anywhere", "2x2048"));
        assert!(!rule.fits("aws", "anywhere", "2x2048"));
        assert!(!rule.fits("qemu", "anywhere", "4x2048"));
    }
}
