//! The walls between crates: which may know which, and what no crate may reach.
//!
//! The table is a list of what is allowed: a new edge fails here until the table
//! is changed in the same commit, with the reason in its message.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::finding::{Finding, report};
use crate::tree;

/// Who may depend on whom, among our own crates.
const EDGES: &[(&str, &[&str])] = &[
    ("registry-pack", &[]),
    ("database", &[]),
    ("registry-store", &["database", "registry-pack"]),
    ("proxies", &[]),
    ("registry-client", &["proxies", "registry-pack"]),
    (
        "registry-server",
        &["registry-pack", "registry-store", "service"],
    ),
    ("traces", &["proxies"]),
    ("service", &["proxies", "traces"]),
    ("imagebuilder-api", &["registry-pack"]),
    ("imagebuilder-chunks", &[]),
    (
        "imagebuilder-provider",
        &["imagebuilder-api", "registry-pack"],
    ),
    (
        "imagebuilder-provider-qemu",
        &["imagebuilder-api", "imagebuilder-provider", "registry-pack"],
    ),
    (
        "imagebuilder-engine",
        &[
            "database",
            "imagebuilder-api",
            "imagebuilder-chunks",
            "imagebuilder-provider",
            "proxies",
            "registry-client",
            "registry-pack",
            "traces",
        ],
    ),
    (
        "imagebuilder-server",
        &[
            "imagebuilder-api",
            "imagebuilder-engine",
            "imagebuilder-provider",
            "imagebuilder-provider-qemu",
            "proxies",
            "registry-client",
            "registry-pack",
            "service",
            "traces",
        ],
    ),
    (
        "packyard",
        &[
            "imagebuilder-api",
            "imagebuilder-chunks",
            "imagebuilder-engine",
            "imagebuilder-provider",
            "imagebuilder-provider-qemu",
            "imagebuilder-server",
            "proxies",
            "registry-client",
            "registry-pack",
            "registry-server",
            "registry-store",
            "service",
            "traces",
        ],
    ),
    ("e2e", &["tests-objects", "tests-postgres", "tests-speaker"]),
    ("tests-objects", &[]),
    ("tests-postgres", &[]),
    ("tests-collector", &[]),
    ("tests-speaker", &[]),
    ("load", &["tests-objects", "tests-postgres"]),
    ("xtask", &[]),
];

/// A crate, or a family of them (`name*`), that some may not reach by any path.
struct Ban {
    from: &'static [&'static str],
    except: &'static [&'static str],
    to: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        from: &["registry-*"],
        except: &[],
        to: &["imagebuilder-*"],
        why: "the registry must be usable without the image builder",
    },
    Ban {
        from: &["registry-pack", "imagebuilder-api"],
        except: &[],
        to: &["tokio", "axum", "hyper", "reqwest", "oci-client", "sqlx"],
        why: "the vocabulary does no I/O",
    },
    Ban {
        from: &["database", "registry-store", "imagebuilder-engine"],
        except: &[],
        to: &["axum"],
        why: "what it does must not know how it is asked",
    },
    Ban {
        from: &["*"],
        except: &["imagebuilder-provider-aws"],
        to: &["aws-sdk-*"],
        why: "only imagebuilder-provider-aws speaks to AWS, and default builds do without",
    },
    Ban {
        from: &["*"],
        except: &["imagebuilder-provider-azure"],
        to: &["azure_*"],
        why: "only imagebuilder-provider-azure speaks to Azure, and default builds do without",
    },
];

/// Who depends on whom, tests' dependencies left out: names of crates.
struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

pub(crate) fn run() -> Result<()> {
    let metadata = MetadataCommand::new()
        .current_dir(tree::root())
        .exec()
        .context("read cargo metadata")?;
    let graph = Graph::new(&metadata)?;
    report("walls", check(&graph))
}

fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = check_edges(graph);
    for ban in BANS {
        findings.extend(check_ban(graph, ban));
    }
    findings
}

fn check_edges(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &graph.members {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| name == member) else {
            findings.push(Finding::new(
                member,
                "is not in the table of walls: add it to EDGES in ci/xtask/src/walls.rs",
            ));
            continue;
        };
        for to in graph
            .edges
            .get(member)
            .into_iter()
            .flatten()
            .filter(|to| graph.members.contains(*to))
        {
            if !allowed.contains(&to.as_str()) {
                findings.push(Finding::new(
                    member,
                    format!("may not depend on {to}: take the edge out, or allow it in EDGES"),
                ));
            }
        }
    }
    findings
}

fn check_ban(graph: &Graph, ban: &Ban) -> Vec<Finding> {
    let banned = |name: &str| ban.to.iter().any(|pattern| matches(pattern, name));
    let mut findings = Vec::new();
    for member in &graph.members {
        if !ban.from.iter().any(|pattern| matches(pattern, member))
            || ban.except.contains(&member.as_str())
        {
            continue;
        }
        // A crate that may reach it may be known only behind a feature, which is not on here.
        if let Some(path) = graph.path(member, &banned) {
            findings.push(Finding::new(
                member,
                format!("reaches {}, but {}", path.join(" > "), ban.why),
            ));
        }
    }
    findings
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

impl Graph {
    fn new(metadata: &Metadata) -> Result<Self> {
        let names: BTreeMap<&PackageId, String> = metadata
            .packages
            .iter()
            .map(|package| (&package.id, package.name.to_string()))
            .collect();
        let resolve = metadata
            .resolve
            .as_ref()
            .context("cargo metadata resolved nothing")?;
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in &resolve.nodes {
            let name = |id| names.get(id).cloned().context("a package without a name");
            let from = edges.entry(name(&node.id)?).or_default();
            for dependency in &node.deps {
                if dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind != DependencyKind::Development)
                {
                    from.insert(name(&dependency.pkg)?);
                }
            }
        }
        let members = metadata
            .workspace_members
            .iter()
            .filter_map(|id| names.get(id).cloned())
            .collect();
        Ok(Self { members, edges })
    }

    /// The shortest way from `from` to a crate that `wanted` accepts.
    fn path(&self, from: &str, wanted: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut ways = std::collections::VecDeque::from([vec![from.to_owned()]]);
        while let Some(way) = ways.pop_front() {
            for to in way
                .last()
                .and_then(|last| self.edges.get(last))
                .into_iter()
                .flatten()
            {
                let mut longer = way.clone();
                longer.push(to.clone());
                if wanted(to) {
                    return Some(longer);
                }
                if seen.insert(to.clone()) {
                    ways.push_back(longer);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let edges: BTreeMap<String, BTreeSet<String>> = edges
            .iter()
            .map(|(from, to)| {
                (
                    (*from).to_owned(),
                    to.iter().map(|name| (*name).to_owned()).collect(),
                )
            })
            .collect();
        let members = edges
            .keys()
            .filter(|name| EDGES.iter().any(|(known, _)| known == name))
            .cloned()
            .collect();
        Graph { members, edges }
    }

    fn complaints(edges: &[(&str, &[&str])]) -> String {
        check(&graph(edges))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn allowed_edges_pass() {
        assert_eq!(
            complaints(&[
                ("registry-store", &["registry-pack", "tokio"]),
                ("registry-pack", &["serde"])
            ]),
            ""
        );
    }

    #[test]
    fn an_edge_that_nobody_allowed_fails() {
        let text = complaints(&[("registry-store", &["service"]), ("service", &[])]);
        assert!(
            text.contains("registry-store: may not depend on service"),
            "{text}"
        );
    }

    #[test]
    fn the_registry_may_not_reach_the_image_builder() {
        let text = complaints(&[
            ("registry-server", &["helper"]),
            ("helper", &["imagebuilder-api"]),
        ]);
        assert!(
            text.contains("registry-server > helper > imagebuilder-api"),
            "{text}"
        );
    }

    #[test]
    fn the_vocabulary_may_not_reach_an_executor_through_others() {
        let text = complaints(&[("registry-pack", &["middle"]), ("middle", &["tokio"])]);
        assert!(text.contains("registry-pack > middle > tokio"), "{text}");
        assert!(complaints(&[("imagebuilder-engine", &["axum"])]).contains("engine > axum"));
    }

    #[test]
    fn only_one_crate_may_reach_a_cloud() {
        let text = complaints(&[("packyard", &["aws-sdk-ec2", "azure_core"])]);
        assert!(
            text.contains("packyard > aws-sdk-ec2") && text.contains("packyard > azure_core"),
            "{text}"
        );
    }

    #[test]
    fn a_crate_without_a_row_fails() {
        let mut graph = graph(&[]);
        graph.members.insert("newcomer".to_owned());
        assert!(
            check(&graph)[0]
                .to_string()
                .contains("newcomer: is not in the table")
        );
    }
}
