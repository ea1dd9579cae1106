//! Each rule of the lint, shown on a pack that breaks it.

use registry_pack::lint::{Finding, lint, lint_folder};
use registry_pack::{Limits, archive};

use crate::support::{Tar, folder, open, pack_json};

const VALUES: &str = "pack:\n  content:\n    images:\n      - image: a/b:1\n";

/// Lints a pack of these files (with a `pack.json` and a `values.yaml` unless
/// they are among them) and returns what is said by `rule`.
fn said(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
    let json = pack_json("");
    let mut all = vec![("pack.json", json.as_str()), ("values.yaml", VALUES)];
    all.retain(|(path, _)| !files.iter().any(|(other, _)| other == path));
    all.extend_from_slice(files);
    let (_temp, root) = folder(&all);
    let findings = lint(&open(&root).unwrap());
    for finding in &findings {
        assert!(!finding.remedy.is_empty(), "{finding:?}");
    }
    findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(Finding::to_string)
        .collect()
}

/// Expects exactly one finding of `rule`, which contains `part`.
fn one(rule: &str, files: &[(&str, &str)], part: &str) {
    let said = said(rule, files);
    assert_eq!(said.len(), 1, "{rule}: {said:?}");
    assert!(said[0].contains(part), "{part:?} is not in {:?}", said[0]);
}

fn none(rule: &str, files: &[(&str, &str)]) {
    assert_eq!(said(rule, files), Vec::<String>::new());
}

#[test]
fn what_pack_json_names_must_be_there() {
    let json = pack_json(
        ",\n\"charts\": [\"charts/a-1.0.tgz\"],\n\"kubeManifests\": [\"m.yaml\"],\n\"ansibleRoles\": [\"r\"]",
    );
    one(
        "missing-chart",
        &[("pack.json", &json)],
        "pack.json:2:12: error: charts[0]: names charts/a-1.0.tgz",
    );
    one(
        "missing-chart",
        &[("pack.json", &json), ("charts/a/Chart.yaml", "")],
        "helm package charts/a",
    );
    one(
        "missing-manifest",
        &[("pack.json", &json)],
        "pack.json:3:19: error: kubeManifests[0]",
    );
    one(
        "missing-role",
        &[("pack.json", &json)],
        "pack.json:4:18: error: ansibleRoles[0]",
    );
    one(
        "role-without-tasks",
        &[("pack.json", &json), ("r/files/x", "")],
        "add r/tasks/main.yml",
    );
    one(
        "unreferenced-role",
        &[("x/tasks/main.yml", "[]")],
        "it never runs",
    );
    let outside = pack_json(r#", "charts": ["../a.tgz"], "kubeManifests": ["/b.yaml"]"#);
    assert_eq!(said("path-outside", &[("pack.json", &outside)]).len(), 2);
}

#[test]
fn versions_and_folders() {
    let v = pack_json("").replace("1.0.0", "v1.0.0");
    one("version-leading-v", &[("pack.json", &v)], "write \"1.0.0\"");
    let plus = pack_json("").replace("1.0.0", "1.0.0+1");
    one("version", &[("pack.json", &plus)], "cannot be a tag");
    let other = pack_json("").replace("\"demo\"", "\"other\"");
    one(
        "folder-name",
        &[("pack.json", &other)],
        "the folder is called \"demo\", the pack is other 1.0.0",
    );
    none("folder-name", &[]);
}

#[test]
fn schema_rules_that_do_not_block() {
    let json = pack_json(
        ",\n\"cloudTypes\": [\"aws\", \"mars\"],\n\"constraints\": {\"dependencies\": [{\"packName\": \"x\", \"layer\": \"k8s\"}]}",
    );
    let said = said("pack-schema", &[("pack.json", &json)]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("pack.json:2:23: error: cloudTypes[1]: \"mars\" is not known"),
        "{said:?}"
    );
    assert!(
        said[1].contains("constraints.dependencies[0].type: is missing"),
        "{said:?}"
    );
}

/// A pack in an archive, with one chart called `web` in it.
fn with_chart(values: &str, chart_yaml: &str) -> Vec<Finding> {
    let chart = Tar::new().file("web/Chart.yaml", chart_yaml).gz();
    let json = pack_json(r#", "charts": ["charts/web-1.0.0.tgz"]"#);
    let tar = Tar::new()
        .file("demo/pack.json", &json)
        .file("demo/values.yaml", values);
    let bytes = tar
        .entry(tar::EntryType::Regular, "demo/charts/web-1.0.0.tgz", &chart)
        .gz();
    archive::inspect(&bytes[..], &Limits::default())
        .unwrap()
        .findings
}

#[test]
fn charts_are_wired_to_their_values() {
    let chart = "name: web\nversion: 1.0.0\n";
    let rules = |values, chart| -> Vec<(&str, bool)> {
        let findings = with_chart(values, chart);
        findings
            .iter()
            .filter(|f| f.rule.starts_with("chart"))
            .map(|f| (f.rule, f.is_error()))
            .collect()
    };
    assert_eq!(rules("charts:\n  web:\n    a: 1\n", chart), []);
    assert_eq!(rules("x: &x {web: {a: 1}}\ncharts:\n  <<: *x\n", chart), []);
    assert_eq!(
        rules("charts:\n  wbe:\n    a: 1\n", chart),
        [("chart-not-wired", true)]
    );
    assert_eq!(
        rules("charts:\n  web:\n", chart),
        [("chart-not-wired", false)]
    );
    assert_eq!(
        rules("charts:\n  web: 5\n", chart),
        [("chart-not-wired", true)]
    );
    assert_eq!(rules("", chart), [("chart-not-wired", true)]);
    assert_eq!(
        rules("charts: {web: {a: 1}}", "name: web\nversion: 2.0.0\n"),
        [("chart-version", false)]
    );
    assert_eq!(
        rules("charts: {web: {a: 1}}", "version: 1.0.0\n"),
        [("chart-unreadable", true)]
    );
}

#[test]
fn a_chart_that_is_no_archive_or_is_not_named() {
    let json = pack_json(r#", "charts": ["charts/a.tgz"]"#);
    one(
        "chart-unreadable",
        &[("pack.json", &json), ("charts/a.tgz", "x")],
        "charts/a.tgz cannot be read",
    );
    one(
        "unreferenced-chart",
        &[("charts/b.tgz", "x"), ("charts/b/charts/c.tgz", "x")],
        "charts/b.tgz: warning",
    );
}

#[test]
fn values() {
    let (_temp, root) = folder(&[("pack.json", &pack_json(""))]);
    assert!(
        lint(&open(&root).unwrap())
            .iter()
            .any(|finding| finding.rule == "values-missing")
    );
    one(
        "values-syntax",
        &[("values.yaml", "a: 1\nb: [1\n")],
        "values.yaml:",
    );
    one(
        "values-syntax",
        &[("values.yaml", "- 1\n")],
        "is a list, not a mapping",
    );
    none("values-syntax", &[("values.yaml", "")]);
    one(
        "yaml-tab",
        &[("presets.yaml", "presets:\n\t- x\n  \t- y\n")],
        "presets.yaml:2: warning: this line and 1 more",
    );
    one(
        "content-images",
        &[("values.yaml", "a: 1")],
        "lists no images",
    );
    let typo = "pack:\n  content:\n    images:\n      - image: a\n      - iamge: b\n";
    one(
        "content-image-entry",
        &[("values.yaml", typo)],
        "values.yaml:5:9: error: pack.content.images[1]",
    );
}

#[test]
fn presets_and_schema() {
    let good = "presets:\n  - name: a\n    group: g\n    remove: [x.y]\n    add: |\n      x: 1\n";
    none("presets-form", &[("presets.yaml", good)]);
    none("presets-form", &[("presets.yaml", "")]);
    one(
        "presets-form",
        &[("presets.yaml", "presets: 5")],
        "presets: is not a list",
    );
    let twice = format!("{good}{}", good.trim_start_matches("presets:\n"));
    one(
        "presets-form",
        &[("presets.yaml", &twice)],
        "another preset \"a\" in group \"g\"",
    );
    let bad = "presets:\n  - group: g\n    remove: {a: 1}\n    add: '- 1'\n";
    assert_eq!(said("presets-form", &[("presets.yaml", bad)]).len(), 3);
    let good = "a.b:\n  schema: '{{ required | format \"${ipv4} - ${string:/a|b/}\" | hints \"x | y\" }}'\n";
    none("schema-form", &[("schema.yaml", good)]);
    none("schema-form", &[("schema.yaml", "# nothing\n")]);
    one(
        "schema-form",
        &[("schema.yaml", "a.b: 5\n")],
        "a.b: has no `schema`",
    );
    one(
        "schema-form",
        &[("schema.yaml", "a:\n  schema: required")],
        "is not enclosed",
    );
    one(
        "schema-form",
        &[("schema.yaml", "a:\n  schema: '{{ format \"${input}\" }}'")],
        "${input}",
    );
}

#[test]
fn operating_systems() {
    let os = |annotations: &str| {
        pack_json(&format!(",\n\"annotations\": {{{annotations}}}")).replace("addon", "os")
    };
    assert_eq!(said("os-annotation", &[("pack.json", &os(""))]).len(), 3);
    let good =
        r#""imageId": "a", "osName": "debian", "sshUsername": "debian", "skipK8sInstall": "false""#;
    none("os-annotation", &[("pack.json", &os(good))]);
    none("os-skip-k8s-install", &[("pack.json", &os(good))]);
    one(
        "os-skip-k8s-install",
        &[("pack.json", &os(""))],
        "which means \"false\"",
    );
    let wrong = os(&good.replace("false", "no"));
    one(
        "os-skip-k8s-install",
        &[("pack.json", &wrong)],
        "error: annotations.skipK8sInstall: is \"no\"",
    );
    // Nothing is built, so nobody logs in.
    let byo = os(r#""imageId": "a", "osName": "debian", "skipK8sInstall": "true""#);
    none("os-annotation", &[("pack.json", &byo)]);
}

#[test]
fn what_is_around_a_pack() {
    one("readme-missing", &[], "README.md");
    one("logo-missing", &[], "logo.png");
    one("logo-format", &[("logo.png", "JFIF")], "not a PNG");
    one(
        "leftover-file",
        &[("charts/x.yaml.orig", "")],
        "charts/x.yaml.orig",
    );
    one("policy", &[("policy.yaml", "- 1")], "not a mapping");
    one("policy", &[("policy.yaml", "a: [")], "policy.yaml:");
    one(
        "components",
        &[("components.yaml", "schemaVersion: 2\ncomponents: []")],
        "components.yaml:1:1",
    );
}

#[test]
fn a_folder_that_is_no_pack_yet_is_linted_too() {
    let (_temp, root) = folder(&[("pack.json", "{\n \"name\": \"x\",\n}")]);
    let findings = lint_folder(&root, &Limits::default()).unwrap();
    assert_eq!((findings[0].rule, findings[0].line), ("syntax", Some(3)));
    let (_temp, root) = folder(&[("pack.json", "{}")]);
    assert_eq!(lint_folder(&root, &Limits::default()).unwrap().len(), 4);
    assert!(lint_folder(&root.join("nowhere"), &Limits::default()).is_err());
}

/// Aliases that double in every line, and brackets without end.
#[test]
fn yaml_bombs_are_refused() {
    let mut laughs = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        laughs.push_str(&format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1));
    }
    one(
        "values-syntax",
        &[("values.yaml", &laughs)],
        "too many values",
    );
    one(
        "values-syntax",
        &[("values.yaml", &"[".repeat(100_000))],
        "recursion limit exceeded",
    );
    one(
        "values-syntax",
        &[("values.yaml", &"- ".repeat(100_000))],
        "nested too deeply",
    );
    one("values-syntax", &[("values.yaml", "a: &a [*a]")], "alias");
}
