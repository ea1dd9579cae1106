//! Who is next, and why the others wait. It only computes; the journal asks it under a lock.
//!
//! Projects take turns: the one that has the fewest builds running goes first, and of
//! those the one that was served longest ago. Within a project priority decides, then age.

use std::collections::BTreeMap;
use std::fmt;

use database::FromRow;

use crate::quotas::Limits;

/// Builds that are alike to every limit.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Running {
    pub(crate) project: String,
    pub(crate) provider: String,
    pub(crate) region: String,
    pub(crate) size: String,
    pub(crate) count: i64,
    /// How long these have run since they were claimed, in milliseconds.
    pub(crate) spent: i64,
}

/// Builds that wait and are alike to every limit.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Waiting {
    pub(crate) project: String,
    pub(crate) provider: String,
    pub(crate) region: String,
    pub(crate) size: String,
    /// The highest among them.
    pub(crate) priority: i64,
    /// The oldest of them.
    pub(crate) first: String,
}

/// What a project had so far.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Standing {
    pub(crate) project: String,
    /// Grows with every claim; 0 was never served.
    pub(crate) served: i64,
    /// Milliseconds of building today, in claims that have ended.
    pub(crate) used: i64,
}

/// Why a build waits although a worker may be free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    Builds { project: String, most: u32 },
    Minutes { project: String, most: u32 },
    Slots { rule: String },
}

impl Held {
    /// One word for programs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Builds { .. } => "QuotaBuilds",
            Self::Minutes { .. } => "QuotaMinutes",
            Self::Slots { .. } => "NoSlot",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builds { project, most } => write!(
                f,
                "project {project} runs as many builds as it may at once ({most}); this one \
                 follows when one of them ends"
            ),
            Self::Minutes { project, most } => write!(
                f,
                "project {project} has built for its {most} minutes of today; this one follows \
                 after midnight UTC, or when the quota is raised"
            ),
            Self::Slots { rule } => write!(
                f,
                "as many builds run there as may at once ({rule}); this one follows when one of \
                 them ends"
            ),
        }
    }
}

/// Everything that a choice depends on.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    limits: &'a Limits,
    running: Vec<Running>,
    standing: BTreeMap<String, Standing>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(limits: &'a Limits, running: Vec<Running>, standing: Vec<Standing>) -> Self {
        let standing = standing.into_iter().map(|one| (one.project.clone(), one));
        Self {
            limits,
            running,
            standing: standing.collect(),
        }
    }

    /// Those that may begin now, the next one first.
    pub(crate) fn order(&self, waiting: Vec<Waiting>) -> Vec<Waiting> {
        let mut free: Vec<Waiting> = waiting
            .into_iter()
            .filter(|one| self.held(one).is_none())
            .collect();
        free.sort_by_cached_key(|one| {
            let served = self.standing.get(&one.project).map_or(0, |one| one.served);
            let running = self.running_of(&one.project);
            (running, served, -one.priority, one.first.clone())
        });
        free
    }

    /// Why it may not begin now.
    pub(crate) fn held(&self, one: &Waiting) -> Option<Held> {
        let project = one.project.clone();
        let quota = self.limits.of_project(&one.project);
        if let Some(most) = quota.builds
            && self.running_of(&one.project) >= i64::from(most)
        {
            return Some(Held::Builds { project, most });
        }
        if let Some(most) = quota.minutes_a_day
            && self.spent(&one.project) >= i64::from(most) * 60_000
        {
            return Some(Held::Minutes { project, most });
        }
        let full = self.limits.slots.iter().find(|rule| {
            rule.fits(&one.provider, &one.region, &one.size)
                && self.count(|is| rule.fits(&is.provider, &is.region, &is.size))
                    >= i64::from(rule.at_most)
        });
        full.map(|rule| Held::Slots {
            rule: rule.to_string(),
        })
    }

    fn running_of(&self, project: &str) -> i64 {
        self.count(|one| one.project == project)
    }

    fn count(&self, of: impl Fn(&Running) -> bool) -> i64 {
        let counted = self.running.iter().filter(|one| of(one));
        counted.map(|one| one.count).sum()
    }

    fn spent(&self, project: &str) -> i64 {
        let now = self.running.iter().filter(|one| one.project == project);
        let used = self.standing.get(project).map_or(0, |one| one.used);
        used + now.map(|one| one.spent).sum::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quotas::Quota;

    fn waiting(project: &str, priority: i64, first: &str) -> Waiting {
        Waiting {
            project: project.to_owned(),
            provider: "fake".to_owned(),
            region: "local".to_owned(),
            size: "2x2048".to_owned(),
            priority,
            first: first.to_owned(),
        }
    }

    fn running(project: &str, count: i64, spent: i64) -> Running {
        Running {
            project: project.to_owned(),
            provider: "fake".to_owned(),
            region: "local".to_owned(),
            size: "2x2048".to_owned(),
            count,
            spent,
        }
    }

    fn scene(limits: &Limits, running: Vec<Running>, served: &[(&str, i64, i64)]) -> Vec<String> {
        let standing = served.iter().map(|(project, served, used)| Standing {
            project: (*project).to_owned(),
            served: *served,
            used: *used,
        });
        let scene = Scene::new(limits, running, standing.collect());
        let all = vec![
            waiting("a", 0, "1"),
            waiting("b", 9, "2"),
            waiting("c", 0, "3"),
        ];
        scene
            .order(all)
            .into_iter()
            .map(|one| one.project)
            .collect()
    }

    #[test]
    fn projects_take_turns_whatever_their_priorities() {
        let limits = Limits::default();
        let order = scene(&limits, vec![], &[]);
        assert_eq!(
            order,
            ["b", "a", "c"],
            "nobody was served: priority, then age"
        );
        let order = scene(&limits, vec![running("b", 1, 0)], &[("b", 1, 0)]);
        assert_eq!(order, ["a", "c", "b"], "who runs fewer goes first");
        let order = scene(&limits, vec![], &[("a", 5, 0), ("b", 3, 0), ("c", 4, 0)]);
        assert_eq!(
            order,
            ["b", "c", "a"],
            "who was served longest ago goes first"
        );
    }

    #[test]
    fn quotas_and_slots_hold_builds_back_and_say_so() {
        let mut limits = Limits {
            each_project: Quota {
                builds: Some(2),
                minutes_a_day: Some(1),
                queued: None,
            },
            ..Limits::default()
        };
        assert_eq!(scene(&limits, vec![running("b", 2, 0)], &[]), ["a", "c"]);
        let half = vec![running("a", 1, 30_000)];
        assert_eq!(
            scene(&limits, half.clone(), &[("a", 1, 29_999)]),
            ["b", "c", "a"]
        );
        assert_eq!(scene(&limits, half, &[("a", 1, 30_000)]), ["b", "c"]);
        limits.projects.insert("b".to_owned(), Quota::default());
        assert_eq!(
            scene(&limits, vec![running("b", 7, 0)], &[]),
            ["a", "c", "b"]
        );
        limits.slots = vec!["fake/*/2x2048=7".parse().unwrap()];
        assert!(scene(&limits, vec![running("b", 7, 0)], &[]).is_empty());
        let scene = Scene::new(&limits, vec![running("b", 7, 0)], Vec::new());
        let held = scene.held(&waiting("b", 0, "1")).unwrap();
        assert_eq!(held.reason(), "NoSlot");
        assert!(held.to_string().contains("fake/*/2x2048=7"), "{held}");
    }
}
