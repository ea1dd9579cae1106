//! Every input in the list moves the signature, and nothing else does.

use std::collections::BTreeSet;

use imagebuilder_api::Chain;
use imagebuilder_api::signature::{BaseImage, ComponentIdentity, explain};
use proptest::prelude::*;
use registry_pack::Digest;
use serde_json::{Value, json};

use crate::context::{Context, Pack, Role, component};

type Change = (&'static str, fn(&mut Context, &str));

/// One change per input. Each takes a text, so that a property test can vary it.
const MOVES: &[Change] = &[
    ("provider", |c, x| c.base.provider.push_str(x)),
    ("output format", |c, x| c.base.output_format.push_str(x)),
    ("architecture", |c, x| c.base.architecture.push_str(x)),
    ("firmware", |c, x| c.base.firmware.push_str(x)),
    ("disk size", |c, x| c.base.disk_size_bytes += x.len() as u64),
    ("base image", |c, x| {
        c.base.image = BaseImage::Digest(Digest::sha256(x.as_bytes()));
    }),
    ("base image by id", |c, x| {
        c.base.image = BaseImage::Id(x.to_owned());
    }),
    ("hardening role", |c, x| edit(&mut c.harden_role, x)),
    ("hardening variables", |c, x| set(&mut c.harden_role, x)),
    ("hardening stage version", |c, x| {
        c.stage_versions[0] += x.len() as u32;
    }),
    ("kubernetes stage version", |c, x| {
        c.stage_versions[1] += x.len() as u32;
    }),
    ("roles stage version", |c, x| {
        c.stage_versions[2] += x.len() as u32;
    }),
    ("seal stage version", |c, x| {
        c.stage_versions[3] += x.len() as u32;
    }),
    ("ansible-core", |c, x| c.ansible_core.push_str(x)),
    ("kubernetes skipped", |c, _| c.kubernetes = None),
    ("kubernetes pack name", |c, x| {
        kubernetes(c).name.push_str(x);
    }),
    ("kubernetes pack version", |c, x| {
        kubernetes(c).version.push_str(x);
    }),
    ("kubernetes pack content", |c, x| {
        kubernetes(c).readme.push_str(x);
    }),
    ("kubernetes freshness", |c, x| {
        kubernetes(c).freshness = Some(x.to_owned());
    }),
    ("kubernetes freshness, empty", |c, _| {
        kubernetes(c).freshness = Some(String::new());
    }),
    ("kubernetes role", |c, x| edit(&mut c.kubernetes_role, x)),
    ("kubernetes variables", |c, x| {
        set(&mut c.kubernetes_role, x);
    }),
    ("component version", |c, x| {
        c.components[0].version.push_str(x);
    }),
    ("component name", |c, x| c.components[0].name.push_str(x)),
    ("component kind", |c, x| c.components[0].kind.push_str(x)),
    ("component checksum", |c, x| {
        c.components[0].identity = ComponentIdentity::Sha256(x.to_owned());
    }),
    ("component Debian version", |c, x| {
        c.components[1].identity = ComponentIdentity::Debian(x.to_owned());
    }),
    ("component purpose", |c, x| {
        c.components[0].purpose.push_str(x);
    }),
    ("component place", |c, x| {
        c.components[0].install = Some(format!("/opt/{x}"));
    }),
    ("component place, none", |c, _| {
        c.components[0].install = None;
    }),
    ("one more component", |c, x| {
        c.components
            .push(component(&format!("new-{x}"), Some("00ff")));
    }),
    ("one component less", |c, _| drop(c.components.pop())),
    ("order of components", |c, _| c.components.reverse()),
    ("OS freshness", |c, x| c.os.freshness = Some(x.to_owned())),
    ("OS freshness, none", |c, _| c.os.freshness = None),
    ("OS freshness, empty", |c, _| {
        c.os.freshness = Some(String::new());
    }),
    ("OS pack content", |c, x| c.os.readme.push_str(x)),
    ("OS pack version", |c, x| c.os.version.push_str(x)),
    ("no roles in the OS pack", |c, _| c.os.roles.clear()),
    ("one more pack with roles", |c, x| {
        c.packs.push(Pack::example(
            &format!("pack-{x}"),
            vec![Role::example("r")],
            None,
        ));
    }),
    ("one pack with roles less", |c, _| drop(c.packs.remove(0))),
    ("pack's freshness", |c, x| {
        c.packs[0].freshness = Some(x.to_owned());
    }),
    ("order of roles", |c, _| c.packs[0].roles.reverse()),
    ("role name", |c, x| c.packs[0].roles[1].name.push_str(x)),
    ("role file content", |c, x| {
        edit(&mut c.packs[0].roles[1], x);
    }),
    ("role file mode", |c, _| {
        file(&mut c.packs[0].roles[1]).1 = true;
    }),
    ("role file added", |c, x| {
        drop(
            c.packs[0].roles[1]
                .files
                .insert(format!("new-{x}"), (String::new(), false)),
        );
    }),
    ("role file removed", |c, _| {
        drop(c.packs[0].roles[1].files.remove("tasks/main.yml"));
    }),
    ("role file renamed", |c, x| {
        rename(&mut c.packs[0].roles[1], x);
    }),
    ("role variable", |c, x| set(&mut c.packs[0].roles[1], x)),
    ("role variable null", |c, _| {
        variable(c, "answer", Value::Null);
    }),
    ("role variable of another type", |c, _| {
        variable(c, "answer", json!("42"));
    }),
    ("role variable as a float", |c, _| {
        variable(c, "answer", json!(42.0));
    }),
    ("role variable beyond 2^53", |c, _| {
        variable(c, "answer", json!(9_007_199_254_740_993_u64));
    }),
    ("role variable just beyond 2^53", |c, _| {
        variable(c, "answer", json!(9_007_199_254_740_992_u64));
    }),
    ("role variable added, null", |c, x| {
        variable(c, &format!("new-{x}"), Value::Null);
    }),
    ("order in a role variable", |c, _| {
        variable(c, "list", json!(["b", "a"]));
    }),
    ("role variables none", |c, _| clear_variables(c, None)),
    ("role variables empty", |c, _| {
        clear_variables(c, Some(Default::default()));
    }),
    ("secret", |c, x| {
        drop(
            c.packs[0].roles[1]
                .secrets
                .insert("password".to_owned(), x.to_owned()),
        );
    }),
    ("secret under another name", |c, x| {
        drop(
            c.packs[0].roles[1]
                .secrets
                .insert(format!("p-{x}"), "hunter2".to_owned()),
        );
    }),
    ("secret as a plain variable", |c, _| plain_secret(c)),
    ("seal role", |c, x| edit(&mut c.seal_role, x)),
];

/// What the signature leaves out.
const STAYS: &[Change] = &[
    ("regions", |c, x| c.left_out.regions.push(x.to_owned())),
    ("account", |c, x| c.left_out.account.push_str(x)),
    ("processors", |c, x| c.left_out.cpus += x.len() as u16),
    ("memory", |c, x| c.left_out.memory_bytes += x.len() as u64),
    ("credentials", |c, x| c.left_out.ssh_key.push_str(x)),
    ("time", |c, x| c.left_out.requested_at.push_str(x)),
    ("image name", |c, x| c.left_out.image_name.push_str(x)),
    ("build id", |c, x| c.left_out.build_id.push_str(x)),
    ("log level", |c, x| c.left_out.log_level.push_str(x)),
    ("path on the host", |c, x| {
        c.left_out.work_folder.push_str(x);
    }),
    ("mirror", |c, x| c.left_out.mirror.push_str(x)),
    ("packs without roles", |c, x| {
        c.packs
            .push(Pack::example(&format!("cni-{x}"), Vec::new(), None));
    }),
];

fn kubernetes(context: &mut Context) -> &mut Pack {
    context.kubernetes.as_mut().unwrap()
}

fn file(role: &mut Role) -> &mut (String, bool) {
    role.files.get_mut("tasks/main.yml").unwrap()
}

fn edit(role: &mut Role, text: &str) {
    file(role).0.push_str(text);
}

fn rename(role: &mut Role, text: &str) {
    let content = role.files.remove("tasks/main.yml").unwrap();
    role.files.insert(format!("tasks/{text}.yml"), content);
}

fn set(role: &mut Role, text: &str) {
    role.variables
        .as_mut()
        .unwrap()
        .insert("answer".to_owned(), json!(text));
}

fn variable(context: &mut Context, name: &str, value: Value) {
    context.packs[0].roles[1]
        .variables
        .as_mut()
        .unwrap()
        .insert(name.to_owned(), value);
}

fn clear_variables(
    context: &mut Context,
    variables: Option<std::collections::BTreeMap<String, Value>>,
) {
    context.packs[0].roles[1].variables = variables;
    context.packs[0].roles[1].secrets.clear();
}

fn plain_secret(context: &mut Context) {
    context.packs[0].roles[1].secrets.clear();
    variable(context, "password", json!("hunter2"));
}

#[test]
fn every_input_moves_the_signature_and_no_two_the_same_way() {
    let mut seen = BTreeSet::from([Context::example().chain().signature()]);
    for (name, change) in MOVES {
        let mut context = Context::example();
        change(&mut context, "x");
        assert!(
            seen.insert(context.chain().signature()),
            "{name} does not move the signature, or as another one does"
        );
    }
}

#[test]
fn nothing_else_moves_it() {
    let signature = Context::example().chain().signature();
    for (name, change) in STAYS {
        let mut context = Context::example();
        change(&mut context, "x");
        assert_eq!(context.chain().signature(), signature, "{name}");
    }
}

#[test]
fn a_change_moves_its_own_stage_and_those_above_it_only() {
    let before = Context::example().chain();
    let mut context = Context::example();
    edit(&mut context.packs[0].roles[1], "x");
    let after = context.chain();
    let ids = |chain: &Chain| {
        chain
            .links()
            .into_iter()
            .map(|link| (link.inputs.name(), link.id))
            .collect::<Vec<_>>()
    };
    let moved: Vec<_> = ids(&before)
        .into_iter()
        .zip(ids(&after))
        .filter(|(one, two)| one != two)
        .map(|((name, _), _)| name)
        .collect();
    assert_eq!(moved, ["roles addon", "seal"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_change_is(which in 0..MOVES.len(), other in 0..STAYS.len(), text in "[a-zA-Z0-9 äß/.$-]{1,12}") {
        let mut context = Context::example();
        STAYS[other].1(&mut context, &text);
        let same = context.chain();
        prop_assert_eq!(same.signature(), Context::example().chain().signature());
        MOVES[which].1(&mut context, &text);
        prop_assert_ne!(context.chain().signature(), same.signature(), "{} {:?}", MOVES[which].0, text);
    }

    #[test]
    fn a_chain_survives_being_written_and_read(value in any_value(), text in ".{0,8}") {
        let mut context = Context::example();
        variable(&mut context, &text, value);
        let chain = context.chain();
        let json = serde_json::to_string_pretty(&chain).unwrap();
        let read: Chain = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &chain);
        prop_assert_eq!(read.signature(), chain.signature());
        prop_assert_eq!(explain(&read), explain(&chain));
    }

    #[test]
    fn two_values_that_differ_never_share_a_signature(one in any_value(), two in any_value()) {
        let signature = |value: &Value| {
            let mut context = Context::example();
            variable(&mut context, "answer", value.clone());
            context.chain().signature()
        };
        prop_assert_eq!(signature(&one) == signature(&two), one == two);
    }
}

/// JSON of every sort, with keys that look like our own marks.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            "[$a-b]{0,3}",
            Just("$float".to_owned()),
            Just("$integer".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}
