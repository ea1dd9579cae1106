//! The stable ids of all rules. An id never changes its meaning; it may be
//! named in waivers, pipelines and documentation.

/// A file of the pack cannot be parsed at all.
pub const SYNTAX: &str = "syntax";
/// There are more findings than are returned.
pub const MORE_FINDINGS: &str = "more-findings";
/// `pack.json` breaks the published schema.
pub const SCHEMA: &str = "pack-schema";
/// The pack's name cannot be a repository.
pub const PACK_NAME: &str = "pack-name";
/// The version cannot be a tag.
pub const VERSION: &str = "version";
/// The version begins with `v`.
pub const VERSION_LEADING_V: &str = "version-leading-v";
/// The folder has another name than `<name>-<version>` or `<name>`.
pub const FOLDER_NAME: &str = "folder-name";
/// A chart that `pack.json` names is not there.
pub const MISSING_CHART: &str = "missing-chart";
/// A manifest that `pack.json` names is not there.
pub const MISSING_MANIFEST: &str = "missing-manifest";
/// A role that `pack.json` names is not there.
pub const MISSING_ROLE: &str = "missing-role";
/// A role folder has no `tasks/main.yml`.
pub const ROLE_WITHOUT_TASKS: &str = "role-without-tasks";
/// A role folder that `pack.json` does not name.
pub const UNREFERENCED_ROLE: &str = "unreferenced-role";
/// A path in `pack.json` leaves the pack.
pub const PATH_OUTSIDE: &str = "path-outside";
/// A chart archive cannot be read.
pub const CHART_UNREADABLE: &str = "chart-unreadable";
/// `values.charts.<name>` is not there for a chart.
pub const CHART_NOT_WIRED: &str = "chart-not-wired";
/// No chart of the pack has the pack's version.
pub const CHART_VERSION: &str = "chart-version";
/// A chart archive that nothing names.
pub const UNREFERENCED_CHART: &str = "unreferenced-chart";
/// `values.yaml` is not there.
pub const VALUES_MISSING: &str = "values-missing";
/// `values.yaml` cannot be parsed or is no mapping.
pub const VALUES_SYNTAX: &str = "values-syntax";
/// A tab in a YAML file.
pub const YAML_TAB: &str = "yaml-tab";
/// `pack.content.images` is missing or empty.
pub const CONTENT_IMAGES: &str = "content-images";
/// An entry of `pack.content.images` has no `image`.
pub const CONTENT_IMAGE_ENTRY: &str = "content-image-entry";
/// `presets.yaml` has the wrong form.
pub const PRESETS_FORM: &str = "presets-form";
/// `schema.yaml` has the wrong form.
pub const SCHEMA_FORM: &str = "schema-form";
/// An annotation that an operating system needs is not there.
pub const OS_ANNOTATION: &str = "os-annotation";
/// `skipK8sInstall` is neither `"true"` nor `"false"`.
pub const OS_SKIP_K8S_INSTALL: &str = "os-skip-k8s-install";
/// `README.md` is not there.
pub const README_MISSING: &str = "readme-missing";
/// `logo.png` is not there.
pub const LOGO_MISSING: &str = "logo-missing";
/// `logo.png` is not a PNG.
pub const LOGO_FORMAT: &str = "logo-format";
/// A file that an editor or a merge left behind.
pub const LEFTOVER_FILE: &str = "leftover-file";
/// `components.yaml` cannot be used.
pub const COMPONENTS: &str = "components";
/// `policy.yaml` cannot be parsed.
pub const POLICY: &str = "policy";

/// A profile breaks the form of profiles.
pub const PROFILE_FORM: &str = "profile-form";
/// A profile's version is no Semantic Version.
pub const PROFILE_VERSION: &str = "profile-version";
/// A profile of a cluster has no pack of a layer that it needs.
pub const PROFILE_LAYER_MISSING: &str = "profile-layer-missing";
/// A layer that nobody knows.
pub const PROFILE_LAYER_UNKNOWN: &str = "profile-layer-unknown";
/// Two packs of one layer where one is allowed.
pub const PROFILE_LAYER_TWICE: &str = "profile-layer-twice";
/// Packs stand in another order than the layers.
pub const PROFILE_LAYER_ORDER: &str = "profile-layer-order";
/// One pack is named twice.
pub const PROFILE_PACK_TWICE: &str = "profile-pack-twice";
/// A profile variable breaks the rules of variables.
pub const PROFILE_VARIABLE: &str = "profile-variable";
/// The values of a pack in a profile are no YAML mapping.
pub const PROFILE_VALUES: &str = "profile-values";
