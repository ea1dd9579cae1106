//! `pack.json`: what is taken, and what each mistake gets.

use proptest::prelude::*;
use registry_pack::{ErrorKind, PackManifest};

use crate::support::pack_json;

/// Parses, and expects a complaint that contains each of `parts`.
fn refuse(text: &str, parts: &[&str]) {
    let error = PackManifest::parse(text, "pack.json").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn everything_is_kept() {
    let text = pack_json(
        r#", "cloudType": "aws", "readme": "hi", "eol": " ", "kubeVersion": ">=1.26.0-0""#,
    );
    let manifest = PackManifest::parse(&text, "pack.json").unwrap();
    assert_eq!(manifest.cloud_types, ["aws"]);
    assert_eq!(manifest.eol.as_deref(), Some(" "));
    assert_eq!(
        manifest.extra.keys().collect::<Vec<_>>(),
        ["readme", "kubeVersion"]
    );
    assert_eq!(manifest.raw, text);
}

#[test]
fn syntax_errors_say_where_and_what_to_do() {
    refuse(
        "{\n  \"name\": \"x\",\n}\n",
        &["pack.json:3:", "trailing comma", "remove the comma"],
    );
    refuse(
        "{\n  \"name\": \"x\"\n  \"version\": \"1\"\n}",
        &["pack.json:3:", "add the comma"],
    );
    refuse(
        "{\n  \"layer\": addon\n}",
        &["pack.json:2:", "double quotes"],
    );
    refuse("{\"name\": \"x\"", &["pack.json:1:", "ends too early"]);
    refuse("{\"name\": \"x\nlayer\": 1}", &["pack.json:2:"]);
    refuse("", &["ends too early"]);
    refuse("{} {}", &["remove what follows"]);
}

#[test]
fn all_schema_complaints_come_at_once_with_their_places() {
    let text = "{\n  \"name\": 5,\n  \"layer\": \"network\",\n  \"charts\": \"x\",\n  \"annotations\": {\n    \"skipK8sInstall\": true\n  }\n}";
    refuse(
        text,
        &[
            "pack.json:2:3: error: name: is a number, and has to be a string",
            "displayName: is missing",
            "version: is missing",
            "pack.json:3:3: error: layer: \"network\" is not known; use one of kernel, os, k8s",
            "pack.json:4:3: error: charts: is a string, and has to be an array",
            "pack.json:6:5: error: annotations.skipK8sInstall: is a boolean, and has to be a string",
        ],
    );
    refuse("[]", &["is an array, and has to be an object"]);
}

#[test]
fn one_key_twice_is_refused() {
    let text = pack_json(",\n\"version\": \"2.0.0\"");
    refuse(&text, &["pack.json:2:1", "version: is written twice"]);
}

#[test]
fn a_name_or_version_that_cannot_be_pushed_is_refused() {
    refuse(
        &pack_json("").replace("demo", "De mo"),
        &["name: \"De mo\"", "[pack-name]"],
    );
    refuse(
        &pack_json("").replace("1.0.0", "1 0"),
        &["version: \"1 0\"", "[version]"],
    );
}

#[test]
fn a_forgotten_type_of_a_dependency_is_no_reason_not_to_load() {
    let text = pack_json(
        r#", "constraints": {"dependencies": [{"packName": "kubernetes", "layer": "k8s"}]}"#,
    );
    let manifest = PackManifest::parse(&text, "pack.json").unwrap();
    let constraints = manifest.constraints.unwrap();
    assert_eq!(constraints.dependencies[0].kind, "");
}

#[test]
fn skip_k8s_install_is_true_or_false() {
    let parse = |value: &str| {
        let text = pack_json(&format!(
            r#", "annotations": {{"skipK8sInstall": "{value}"}}"#
        ));
        PackManifest::parse(&text, "pack.json")
            .unwrap()
            .skip_k8s_install()
    };
    assert!(parse("true").unwrap());
    assert!(!parse("false").unwrap());
    assert!(
        parse("yes")
            .unwrap_err()
            .to_string()
            .contains("pack.json:1:")
    );
    assert!(
        !PackManifest::parse(&pack_json(""), "pack.json")
            .unwrap()
            .skip_k8s_install()
            .unwrap()
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        drop(PackManifest::parse(&text, "pack.json"));
    }

    /// A text with one character changed is either taken or refused with a place.
    #[test]
    fn a_changed_character_does_not_make_it_panic(at in 0usize..400, c in "[\\[\\]{}\",:0a\\\\\n]") {
        let mut text = pack_json(r#", "constraints": {"dependencies": [{"packName": "k\\\"ü", "type": "required"}]}"#);
        let at = text.char_indices().map(|(i, _)| i).nth(at % text.chars().count()).unwrap();
        let end = at + text[at..].chars().next().unwrap().len_utf8();
        text.replace_range(at..end, &c);
        drop(PackManifest::parse(&text, "pack.json"));
    }
}
