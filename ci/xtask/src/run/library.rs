//! The packs and profiles of this tree, and a copy of them in which the last role is changed.
//!
//! Reads only what the main job needs of a pack; the product's own programs judge them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

/// A pack's folder.
#[derive(Debug, Clone)]
pub(super) struct PackFolder {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) version: String,
    roles: Vec<String>,
    /// Whether it names components, which go into a bundle.
    pub(super) has_components: bool,
}

impl PackFolder {
    fn open(path: &Path) -> Result<Self> {
        let file = path.join("pack.json");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pack: Json =
            serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))?;
        let field = |key: &str| {
            pack[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("{}: {key}", file.display()))
        };
        let roles = pack["ansibleRoles"].as_array().into_iter().flatten();
        Ok(Self {
            path: path.to_owned(),
            name: field("name")?,
            version: field("version")?,
            roles: roles
                .filter_map(|role| role.as_str().map(str::to_owned))
                .collect(),
            has_components: path.join("components.yaml").exists(),
        })
    }

    /// `name:version`, for people.
    pub(super) fn title(&self) -> String {
        format!("{}:{}", self.name, self.version)
    }
}

/// A profile's file.
#[derive(Debug)]
pub(super) struct ProfileFile {
    pub(super) path: PathBuf,
    name: String,
    version: String,
    content: Yaml,
}

impl ProfileFile {
    fn open(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let content: Yaml =
            serde_yaml::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        let field = |value: &Yaml, key: &str| {
            value[key]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("{}: {key}", path.display()))
        };
        Ok(Self {
            name: field(&content["metadata"], "name")?,
            version: field(&content["spec"], "version")?,
            path: path.to_owned(),
            content,
        })
    }

    /// Where it is once it is published.
    pub(super) fn reference(&self) -> String {
        format!("library/profiles/{}:{}", self.name, self.version)
    }

    fn pack_names(&self) -> Vec<&str> {
        let packs = self.content["spec"]["template"]["packs"].as_sequence();
        packs
            .into_iter()
            .flatten()
            .filter_map(|pack| pack["name"].as_str())
            .collect()
    }
}

/// All of `packs/`.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) packs: Vec<PackFolder>,
    pub(super) profiles: Vec<ProfileFile>,
}

impl Library {
    /// Reads the packs and profiles below `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let mut packs = Vec::new();
        let mut profiles = Vec::new();
        for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.context("look through packs/")?;
            let path = entry.path();
            if entry.file_name() == "pack.json" {
                packs.push(PackFolder::open(path.parent().unwrap_or(folder))?);
            } else if path
                .parent()
                .is_some_and(|parent| parent == folder.join("profiles"))
                && path
                    .extension()
                    .is_some_and(|end| end == "yaml" || end == "json")
            {
                profiles.push(ProfileFile::open(path)?);
            }
        }
        Ok(Self { packs, profiles })
    }

    /// The profile of the main job.
    pub(super) fn profile(&self, name: &str) -> Result<&ProfileFile> {
        let known = || {
            self.profiles
                .iter()
                .map(|profile| profile.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.profiles
            .iter()
            .find(|profile| profile.name == name)
            .with_context(|| {
                format!(
                    "there is no profile {name} in packs/profiles (there are: {})",
                    known()
                )
            })
    }

    /// Copies the profile and the pack whose role runs last into `into`, with one task more and new versions.
    pub(super) fn change_last_role(&self, profile: &ProfileFile, into: &Path) -> Result<Change> {
        let last = profile.pack_names().into_iter().rev().find_map(|name| {
            let pack = self.packs.iter().find(|pack| pack.name == name)?;
            Some((pack, pack.roles.last()?))
        });
        let Some((pack, role)) = last else {
            bail!("no pack of {} has a role to change", profile.path.display())
        };
        let version = next_version(&pack.version);
        let folder = into.join(&pack.name);
        copy_folder(&pack.path, &folder)?;
        edit(
            &folder.join("pack.json"),
            &format!("\"version\": \"{}\"", pack.version),
            &format!("\"version\": \"{version}\""),
        )?;
        let tasks = role_folder(&folder, role)?.join("tasks/main.yml");
        add_task(&tasks)?;
        let changed = change_profile(profile, &pack.name, &version, into)?;
        Ok(Change {
            pack: PackFolder::open(&folder)?,
            profile: changed,
            role: role.clone(),
        })
    }
}

/// What [`Library::change_last_role`] made.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) pack: PackFolder,
    pub(super) profile: ProfileFile,
    pub(super) role: String,
}

const ONE_MORE_TASK: &str = "
- name: Leave the mark of the second revision
  ansible.builtin.copy:
    content: \"revision 2\\n\"
    dest: /etc/packyard-revision
    owner: root
    group: root
    mode: \"0644\"
";

fn add_task(tasks: &Path) -> Result<()> {
    let mut text =
        std::fs::read_to_string(tasks).with_context(|| format!("read {}", tasks.display()))?;
    text.push_str(ONE_MORE_TASK);
    std::fs::write(tasks, text).with_context(|| format!("write {}", tasks.display()))
}

fn role_folder(pack: &Path, role: &str) -> Result<PathBuf> {
    let places = [pack.join(role), pack.join("ansible-roles").join(role)];
    places
        .into_iter()
        .find(|place| place.is_dir())
        .with_context(|| format!("find role {role} in {}", pack.display()))
}

fn change_profile(
    profile: &ProfileFile,
    pack: &str,
    version: &str,
    into: &Path,
) -> Result<ProfileFile> {
    let mut content = profile.content.clone();
    content["spec"]["version"] = next_version(&profile.version).into();
    let packs = content["spec"]["template"]["packs"]
        .as_sequence_mut()
        .context("the profile's packs")?;
    for entry in packs
        .iter_mut()
        .filter(|entry| entry["name"].as_str() == Some(pack))
    {
        entry["version"] = version.into();
        if entry.get("tag").is_some() {
            entry["tag"] = version.into();
        }
    }
    let path = into
        .join(
            profile
                .path
                .file_name()
                .context("the profile's file name")?,
        )
        .with_extension("yaml");
    std::fs::write(&path, serde_yaml::to_string(&content)?)
        .with_context(|| format!("write {}", path.display()))?;
    ProfileFile::open(&path)
}

/// The version with its last number raised by one.
fn next_version(version: &str) -> String {
    let (start, last) = version.rsplit_once('.').unwrap_or(("", version));
    match last.parse::<u64>() {
        Ok(number) if start.is_empty() => format!("{}", number + 1),
        Ok(number) => format!("{start}.{}", number + 1),
        Err(_) => format!("{version}.1"),
    }
}

fn edit(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    if !text.contains(from) {
        bail!("{} does not say {from}", file.display());
    }
    std::fs::write(file, text.replacen(from, to, 1))
        .with_context(|| format!("write {}", file.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.with_context(|| format!("look through {}", from.display()))?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target)
                .with_context(|| format!("create {}", target.display()))?;
        } else {
            std::fs::copy(entry.path(), &target)
                .with_context(|| format!("write {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::seeded;

    #[test]
    fn raises_the_last_number() {
        assert_eq!(next_version("1.34.4"), "1.34.5");
        assert_eq!(next_version("13"), "14");
        assert_eq!(next_version("1.0-rc"), "1.0-rc.1");
    }

    #[test]
    fn changes_only_the_role_that_runs_last() {
        let folder = seeded(&[
            (
                "packs/os/a/pack.json",
                r#"{"name": "a", "version": "1.0.0", "ansibleRoles": ["one", "two"]}"#,
            ),
            ("packs/os/a/one/tasks/main.yml", "---\n"),
            ("packs/os/a/two/tasks/main.yml", "---\n"),
            (
                "packs/cni/b/pack.json",
                r#"{"name": "b", "version": "2.0.0", "ansibleRoles": []}"#,
            ),
            (
                "packs/profiles/p.yaml",
                "metadata: {name: p}\nspec:\n  version: 1.0.0\n  template:\n    packs:\n      - {name: a, version: 1.0.0, tag: 1.0.0}\n      - {name: b, version: 2.0.0}\n",
            ),
        ]);
        let library = Library::open(&folder.path().join("packs")).unwrap();
        let profile = library.profile("p").unwrap();
        let change = library
            .change_last_role(profile, &folder.path().join("changed"))
            .unwrap();
        assert_eq!(
            (change.pack.title().as_str(), change.role.as_str()),
            ("a:1.0.1", "two")
        );
        assert_eq!(change.profile.reference(), "library/profiles/p:1.0.1");
        assert_eq!(
            change.profile.content["spec"]["template"]["packs"][0]["tag"],
            "1.0.1"
        );
        let task = |role: &str| {
            std::fs::read_to_string(change.pack.path.join(role).join("tasks/main.yml")).unwrap()
        };
        assert_eq!(task("one"), "---\n");
        assert!(task("two").contains("second revision"));
    }
}
