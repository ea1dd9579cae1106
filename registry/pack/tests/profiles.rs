//! Profiles and components.

use registry_pack::components::{BundleManifest, ComponentSet, Kind, Purpose, Source};
use registry_pack::{ErrorKind, Layer, Profile, ProfileKind};

const YAML: &str = r#"
metadata:
  name: qemu-debian
  description: for tests
  labels: {AI: spectro__tag}
spec:
  version: 1.0.0
  template:
    type: cluster
    cloudType: libvirt
    packs:
      - {name: debian-13, layer: os, version: "13.1.0", type: spectro}
      - name: kubernetes
        layer: k8s
        tag: 1.34.x
        values: |
          # verbatim
          pack: {podCIDR: 10.0.0.0/16}
      - {name: cni-calico, layer: cni, version: 3.30.0}
      - {name: csi-nfs, layer: csi, version: 4.0.0}
      - name: web
        layer: addon
        version: 1.0.0
        manifests: [{name: m, content: "a: 1"}]
        registry: {metadata: {uid: u, name: Mine, kind: oci, isPrivate: true}}
  variables:
    - {name: v, displayName: V, format: boolean, defaultValue: "true", isHidden: true}
"#;

fn parse(text: &str) -> Profile {
    Profile::parse(text, "profile.yaml").unwrap()
}

fn said(text: &str) -> Vec<String> {
    parse(text).lint().iter().map(ToString::to_string).collect()
}

#[test]
fn an_export_is_read_as_json_and_as_yaml() {
    let profile = parse(YAML);
    assert_eq!(profile.raw, YAML);
    assert_eq!(profile.template.kind, ProfileKind::Cluster);
    assert_eq!(
        profile.layer(Layer::K8s).next().unwrap().version.as_str(),
        "1.34.x"
    );
    assert_eq!(
        profile
            .layer(Layer::K8s)
            .next()
            .unwrap()
            .values
            .as_deref()
            .unwrap()
            .lines()
            .next(),
        Some("# verbatim")
    );
    assert_eq!(
        profile
            .layer(Layer::Addon)
            .next()
            .unwrap()
            .registry
            .as_ref()
            .unwrap()
            .name,
        "Mine"
    );
    assert!(profile.variables[0].hidden);
    assert_eq!(said(YAML), Vec::<String>::new());

    let json = r#"{"metadata": {"name": "a"}, "spec": {"template": {"type": "add-on", "packs": [
        {"name": "web", "layer": "addon", "version": "1"}]}}}"#;
    let profile = parse(json);
    assert_eq!(profile.version.as_str(), "1.0.0");
    assert_eq!(profile.template.cloud_type, "all");
}

#[test]
fn a_profile_that_cannot_be_used_says_all_that_is_wrong() {
    let text = YAML
        .replace("layer: cni", "layer: network")
        .replace("name: qemu-debian", "name: Q!");
    let error = Profile::parse(&text, "profile.yaml").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = error.to_string();
    assert!(
        error.contains("profile.yaml:3:3: error: metadata.name: \"Q!\""),
        "{error}"
    );
    assert!(
        error.contains("spec.template.packs[2].layer: \"network\" is not known"),
        "{error}"
    );
    assert!(error.contains("[profile-layer-unknown]"), "{error}");
    for text in ["", "5", "[]", "{}", "{", "a: [", "metadata: {name: x}"] {
        assert!(Profile::parse(text, "profile.yaml").is_err(), "{text:?}");
    }
    let number = YAML.replace("version: \"13.1.0\"", "version: 13.1");
    let error = Profile::parse(&number, "p").unwrap_err().to_string();
    assert!(
        error.contains("put the value into double quotes"),
        "{error}"
    );
}

#[test]
fn layers_are_there_and_once() {
    let cases = [
        (
            "{name: debian-13, layer: os",
            "{name: debian-13, layer: addon",
            "error",
            "profile-layer-missing",
        ),
        (
            "layer: k8s",
            "layer: addon",
            "error",
            "profile-layer-missing",
        ),
        (
            "layer: cni",
            "layer: addon",
            "warning",
            "profile-layer-missing",
        ),
        ("layer: cni", "layer: csi", "error", "profile-layer-twice"),
        (
            "name: cni-calico",
            "name: csi-nfs",
            "error",
            "profile-pack-twice",
        ),
        ("type: cluster", "type: add-on", "error", "profile-form"),
        (
            "version: 1.0.0\n  template",
            "version: v1.2\n  template",
            "error",
            "profile-version",
        ),
        ("# verbatim", "- 1", "error", "profile-values"),
        (
            "defaultValue: \"true\"",
            "defaultValue: yes",
            "error",
            "profile-variable",
        ),
    ];
    for (from, to, severity, rule) in cases {
        assert!(YAML.contains(from), "{from}");
        let said = said(&YAML.replacen(from, to, 1));
        let found = said
            .iter()
            .any(|text| text.contains(&format!("[{rule}]")) && text.contains(severity));
        assert!(found, "{rule}: {said:?}");
    }
}

#[test]
fn variables_follow_the_rules() {
    let with = |variables: &str| {
        let text = format!(
            "{}  variables: {variables}\n",
            YAML.split("  variables:").next().unwrap()
        );
        said(&text)
    };
    assert_eq!(with("[]"), Vec::<String>::new());
    assert_eq!(with("[{name: a}, {name: a}]").len(), 1);
    assert_eq!(with("[{displayName: a}]").len(), 1);
    assert_eq!(with("[{name: a, inputType: dropdown}]").len(), 1);
    assert_eq!(
        with("[{name: a, inputType: dropdown, options: [{value: x}], defaultValue: z}]").len(),
        1
    );
    assert_eq!(with("[{name: a, immutable: true}]").len(), 1);
    assert_eq!(with("[{name: a, hidden: true, required: true}]").len(), 1);
}

const COMPONENTS: &str = "
schemaVersion: 1
components:
  - name: kubelet
    version: v1.34.2
    kind: binary
    file: kubelet
    sha256: 0000000000000000000000000000000000000000000000000000000000000000
    sources: [bundle, {http: {url: \"https://example.com/kubelet\"}}]
    install: /usr/bin/kubelet
    purpose: install
  - {name: runc, version: \"1.3\", kind: deb, file: runc.deb, sources: [apt], purpose: install}
  - {name: kube-bench, version: \"0.15\", kind: archive, file: kb.tar.gz, sources: [bundle], purpose: tool}
";

#[test]
fn components_are_read() {
    let set = ComponentSet::parse(COMPONENTS, "components.yaml").unwrap();
    assert_eq!(set.components.len(), 3);
    let kubelet = set.get("kubelet").unwrap();
    assert_eq!(
        (kubelet.kind, kubelet.purpose),
        (Kind::Binary, Purpose::Install)
    );
    assert_eq!(
        kubelet.sources[1],
        Source::Http {
            url: "https://example.com/kubelet".to_owned()
        }
    );
    assert_eq!(set.components[1].sources, [Source::Apt]);
}

#[test]
fn a_wrong_component_is_named() {
    let cases = [
        (
            "schemaVersion: 1",
            "schemaVersion: 7",
            "schemaVersion: is not 1",
        ),
        (
            "file: kubelet",
            "file: ../kubelet",
            "components.yaml:7:5: error: components[0].file",
        ),
        (
            "    sha256: 0000000000000000000000000000000000000000000000000000000000000000\n",
            "",
            "add the SHA-256",
        ),
        (
            "sha256: 00",
            "sha256: zz",
            "components[0].sha256: is not a SHA-256",
        ),
        (
            "install: /usr/bin/kubelet",
            "install: usr/bin",
            "components[0].install: is not an absolute path",
        ),
        (
            "    install: /usr/bin/kubelet\n",
            "",
            "components[0].install: is missing",
        ),
        (
            "name: runc",
            "name: kubelet",
            "components[1].name: \"kubelet\" is used twice",
        ),
        ("[apt]", "[snap]", "components[1]: unknown variant `snap`"),
        ("[apt]", "[]", "components[1].sources: is empty"),
        ("https://", "ftp://", "is no http address"),
        (
            "purpose: tool",
            "purpose: tool, typo: 1",
            "components[2]: unknown field `typo`",
        ),
    ];
    for (from, to, part) in cases {
        assert!(COMPONENTS.contains(from), "{from}");
        let error = ComponentSet::parse(&COMPONENTS.replacen(from, to, 1), "components.yaml")
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

#[test]
fn a_bundle_manifest_is_json_in_camel_case() {
    let json = r#"{"schemaVersion":1,"architecture":"amd64","components":[{"name":"k","version":"1","kind":"binary","file":"k","sha256":"00","sizeBytes":5,"purpose":"install","install":"/k"}]}"#;
    let bundle: BundleManifest = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&bundle).unwrap(), json);
}
