//! Opening folders, roles, content digests, role variables, new packs.

use std::fs;

use registry_pack::values::{ANSIBLE_ROLES, IMAGE_BUILDER, role_variables};
use registry_pack::{ErrorKind, Layer, Limits, Pack, lint, scaffold};

use crate::support::{folder, open, pack_json};

#[test]
fn texts_are_verbatim_and_an_empty_file_is_not_a_missing_one() {
    let values = "# comment\r\na: 1\n\n";
    let (_temp, root) = folder(&[
        ("pack.json", &pack_json("")),
        ("values.yaml", values),
        ("schema.yaml", ""),
    ]);
    let pack = open(&root).unwrap();
    assert_eq!(pack.values.as_deref(), Some(values));
    assert_eq!(pack.schema.as_deref(), Some(""));
    assert_eq!(pack.presets, None);
}

#[test]
fn version_control_is_no_content() {
    let (_temp, root) = folder(&[
        ("pack.json", &pack_json("")),
        (".git/HEAD", "x"),
        ("a/.git", "gitdir: y"),
    ]);
    let paths: Vec<_> = open(&root)
        .unwrap()
        .files
        .into_iter()
        .map(|file| file.path)
        .collect();
    assert_eq!(paths, ["pack.json"]);
}

#[test]
fn what_is_missing_is_named() {
    let (temp, root) = folder(&[("values.yaml", "")]);
    let error = open(&root).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("demo/pack.json"), "{error}");
    let error = open(&temp.path().join("nowhere")).unwrap_err();
    assert!(error.to_string().contains("name the folder"), "{error}");
    assert!(open(&root.join("values.yaml")).is_err());
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_refused() {
    let (_temp, root) = folder(&[("pack.json", &pack_json(""))]);
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
    let error = open(&root).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error
            .to_string()
            .contains("\"link\": it is a symbolic link"),
        "{error}"
    );
}

#[test]
fn limits_hold_for_folders() {
    let (_temp, root) = folder(&[
        ("pack.json", &pack_json("")),
        ("a/b/c/d", "12345"),
        ("values.yaml", "a: 1"),
    ]);
    let default = Limits::default;
    for (limits, part) in [
        (
            Limits {
                entries: 3,
                ..default()
            },
            "number of files",
        ),
        (
            Limits {
                file_bytes: 4,
                ..default()
            },
            "the file ",
        ),
        (
            Limits {
                unpacked_bytes: 60,
                ..default()
            },
            "the whole pack",
        ),
        (
            Limits {
                text_bytes: 3,
                ..default()
            },
            "the text ",
        ),
        (
            Limits {
                depth: 3,
                ..default()
            },
            "the depth",
        ),
        (
            Limits {
                path_bytes: 5,
                ..default()
            },
            "the path",
        ),
    ] {
        let error = Pack::open(&root, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    let (_temp, root) = folder(&[("pack.json", &pack_json(""))]);
    fs::write(root.join("values.yaml"), b"a: 1\nb: \xff\n").unwrap();
    let error = open(&root).unwrap_err().to_string();
    assert!(
        error.starts_with("values.yaml:2:4: there are bytes that are not UTF-8"),
        "{error}"
    );
    fs::write(root.join("values.yaml"), "").unwrap();
    fs::write(root.join("README.md"), b"\xff").unwrap();
    assert_eq!(open(&root).unwrap().readme.as_deref(), Some("\u{fffd}"));
}

#[test]
fn a_role_is_found_in_both_places() {
    let json = pack_json(r#", "ansibleRoles": ["one", "two"]"#);
    let files = [
        ("pack.json", json.as_str()),
        ("one/tasks/main.yml", "[]"),
        ("ansible-roles/two/tasks/main.yml", "[]"),
    ];
    let (_temp, root) = folder(&files);
    let pack = open(&root).unwrap();
    let roles = pack.roles().unwrap();
    assert_eq!(
        roles
            .iter()
            .map(|role| role.dir.as_str())
            .collect::<Vec<_>>(),
        ["one", "ansible-roles/two"]
    );
    assert_eq!(roles[1].files[0].path, "tasks/main.yml");
    // The same content is the same role, wherever it lies.
    assert_eq!(roles[0].content_digest(), roles[1].content_digest());
    for name in ["three", "", ".", "..", "one/tasks", "../demo"] {
        assert_eq!(
            pack.role(name).unwrap_err().kind(),
            ErrorKind::NotFound,
            "{name}"
        );
    }
}

#[test]
fn the_content_digest_sees_paths_modes_and_bytes() {
    let json = pack_json("");
    let digest = |files: &[(&str, &str)]| {
        let (_temp, root) = folder(files);
        open(&root).unwrap().content_digest()
    };
    let base = digest(&[("pack.json", &json), ("a", "1"), ("b", "2")]);
    assert_eq!(
        base,
        digest(&[("b", "2"), ("a", "1"), ("pack.json", &json)])
    );
    assert_ne!(
        base,
        digest(&[("pack.json", &json), ("a", "1"), ("b", "3")])
    );
    assert_ne!(
        base,
        digest(&[("pack.json", &json), ("a", "1"), ("c", "2")])
    );
    assert_ne!(base, digest(&[("pack.json", &json), ("a", "1")]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let (_temp, root) = folder(&[("pack.json", &json), ("a", "1"), ("b", "2")]);
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_ne!(base, open(&root).unwrap().content_digest());
    }
}

#[test]
fn role_variables_are_read_with_merges_and_core_types() {
    let text = "base: &base {port: 80, on: yes}\nansibleRoles:\n  web:\n    <<: *base\n    port: 8080\n    mode: 0644\n    \
                list: [1, 1.5, null, \"2\"]\nimageBuilder: {harden: }\n";
    let web = role_variables(text, "values.yaml", ANSIBLE_ROLES, "web").unwrap();
    let expected = serde_json::json!({
        "port": 8080, "on": "yes", "mode": "0644", "list": [1, 1.5, null, "2"]
    });
    assert_eq!(serde_json::Value::Object(web), expected);
    assert!(
        role_variables(text, "values.yaml", IMAGE_BUILDER, "harden")
            .unwrap()
            .is_empty()
    );
    assert!(
        role_variables("", "values.yaml", IMAGE_BUILDER, "seal")
            .unwrap()
            .is_empty()
    );
    let error =
        role_variables("a: 1\nansibleRoles: 5", "values.yaml", ANSIBLE_ROLES, "web").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("values.yaml:2:1: error: ansibleRoles: is not a mapping"),
        "{error}"
    );
}

#[test]
fn a_new_pack_has_nothing_to_complain_about() {
    let temp = tempfile::tempdir().unwrap();
    for layer in Layer::ALL {
        let root = scaffold::create(temp.path(), &format!("my-{layer}"), layer).unwrap();
        let pack = open(&root).unwrap();
        assert_eq!(pack.manifest.layer, layer);
        assert_eq!(lint::lint(&pack), [], "{layer}");
    }
    let error = scaffold::create(temp.path(), "my-os", Layer::Os).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(
        scaffold::create(temp.path(), "../x", Layer::Os)
            .unwrap_err()
            .kind(),
        ErrorKind::Usage
    );
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), Layer::ALL.len());
}
