//! A difference names the pack, the role and the file.

use imagebuilder_api::signature::{diff, explain, explain_text};
use serde_json::json;

use crate::context::{Context, Role, component};

/// The differences of the example and of what the change makes of it: path and sentence.
fn check(change: fn(&mut Context), expected: &[(&str, &str)]) {
    let mut context = Context::example();
    change(&mut context);
    let found = diff(&Context::example().chain(), &context.chain());
    let found: Vec<_> = found
        .iter()
        .map(|difference| (difference.path.as_str(), difference.message.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_changed_role_file_is_all_that_is_said() {
    check(
        |c| {
            c.packs[0].roles[1]
                .files
                .get_mut("tasks/main.yml")
                .unwrap()
                .0
                .push('x');
        },
        &[(
            r#"stages[4].roles[1].files["tasks/main.yml"].digest"#,
            "role motd of pack addon 1.0.0: file tasks/main.yml has other content",
        )],
    );
    check(
        |c| {
            c.packs[0].roles[1]
                .files
                .get_mut("tasks/main.yml")
                .unwrap()
                .1 = true;
        },
        &[(
            r#"stages[4].roles[1].files["tasks/main.yml"].executable"#,
            "role motd of pack addon 1.0.0: file tasks/main.yml is executable in one image only",
        )],
    );
    check(
        |c| drop(c.packs[0].roles[0].files.remove("files/run.sh")),
        &[(
            r#"stages[4].roles[0].files["files/run.sh"]"#,
            "role agent of pack addon 1.0.0: file files/run.sh is only in the first image",
        )],
    );
    check(
        |c| {
            c.harden_role
                .files
                .get_mut("tasks/main.yml")
                .unwrap()
                .0
                .push('x');
        },
        &[(
            r#"stages[1].roles[0].files["tasks/main.yml"].digest"#,
            "role harden: file tasks/main.yml has other content",
        )],
    );
}

#[test]
fn variables_and_components_are_named() {
    check(
        |c| {
            drop(
                c.packs[0].roles[1]
                    .variables
                    .as_mut()
                    .unwrap()
                    .insert("answer".to_owned(), json!(43)),
            );
        },
        &[(
            r#"stages[4].roles[1].variables["answer"]"#,
            "role motd of pack addon 1.0.0: variable answer is 42 in the first image and 43 in the second",
        )],
    );
    check(
        |c| c.components[0].version = "1.34.5".to_owned(),
        &[(
            "stages[2].components[0].version",
            "component kubelet of pack kubernetes 1.0.0: version is \"1.34.4\" in the first image and \"1.34.5\" in the second",
        )],
    );
    check(
        |c| c.components.insert(0, component("runc", None)),
        &[(
            "stages[2].components[0]",
            "component runc of pack kubernetes 1.0.0 is only in the second image",
        )],
    );
    check(
        |c| c.components.reverse(),
        &[(
            "stages[2].components",
            "the components of stage kubernetes come in another order: kubelet, containerd in the first image and containerd, kubelet in the second",
        )],
    );
}

#[test]
fn stages_are_matched_by_what_they_are() {
    check(
        |c| c.kubernetes = None,
        &[(
            "stages[2]",
            "stage kubernetes is skipped in the second image",
        )],
    );
    check(
        |c| c.os.roles.clear(),
        &[(
            "stages[3]",
            "stage roles debian-13 is only in the first image",
        )],
    );
    check(
        |c| c.packs[0].roles.push(Role::example("late")),
        &[(
            "stages[4].roles[2]",
            "role late of pack addon 1.0.0 is only in the second image",
        )],
    );
    check(
        |c| c.os.freshness = None,
        &[
            (
                "stages[1].freshness",
                "stage harden: freshness is \"2026-W47\" in the first image and absent in the second",
            ),
            (
                "stages[3].freshness",
                "pack debian-13 1.0.0: freshness is \"2026-W47\" in the first image and absent in the second",
            ),
        ],
    );
    check(
        |c| c.base.disk_size_bytes = 1,
        &[(
            "stages[0].diskSizeBytes",
            "stage base: diskSizeBytes is 10737418240 in the first image and 1 in the second",
        )],
    );
}

#[test]
fn a_pack_that_differs_elsewhere_is_said_to_differ() {
    let mut context = Context::example();
    context.packs[0].readme.push('x');
    let found = diff(&Context::example().chain(), &context.chain());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "stages[4].pack.digest");
    assert!(diff(&context.chain(), &context.chain()).is_empty());
}

#[test]
fn everything_is_explained() {
    let chain = Context::example().chain();
    let explained = explain(&chain);
    assert_eq!(explained["signature"], chain.signature().as_str());
    assert_eq!(
        explained["stages"][2]["inputs"]["components"][0]["name"],
        "kubelet"
    );
    assert_eq!(explained["stages"].as_array().unwrap().len(), 6);
    let text = explain_text(&chain);
    for part in [
        "base image sha256:",
        "component kubelet 1.34.4  sha256:84a1",
        "file files/run.sh (executable)",
        "variable answer = 42",
        "freshness 2026-W47",
        "ansible-core 2.19.14",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
