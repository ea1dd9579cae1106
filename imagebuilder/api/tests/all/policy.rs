//! What a policy lets pass.

use imagebuilder_api::policy::{Level, Policy, Verify, evaluate};
use jiff::civil::date;

use crate::kubebench::{parse, report};

const POLICY: &str = "
schemaVersion: 1
benchmark: cis-1.12
targets: [node]
waivers:
  - check: 4.1.2
    reason: cured in the next base image
    until: 2026-12-31
notApplicable:
  - check: 4.1.5
    reason: the machine has joined no cluster
";

fn policy(text: &str) -> Policy {
    Policy::parse(text, "policy.yaml").unwrap()
}

#[test]
fn only_what_is_not_let_off_refuses() {
    let checks = [
        ("4.1.1", "FAIL", "", true),
        ("4.1.2", "FAIL", "", true),
        ("4.1.3", "WARN", "", false),
        ("4.1.4", "WARN", "manual", false),
        ("4.1.5", "FAIL", "", true),
        ("4.1.6", "PASS", "", true),
    ];
    let verdict = evaluate(
        &parse(&report(&checks)),
        &policy(POLICY),
        date(2026, 12, 31),
    );
    assert!(!verdict.passed);
    let failed: Vec<_> = verdict
        .failed
        .iter()
        .map(|check| check.check.as_str())
        .collect();
    assert_eq!(failed, ["4.1.1"]);
    assert_eq!(
        (verdict.waived[0].check.as_str(), verdict.waived[0].until),
        ("4.1.2", Some(date(2026, 12, 31)))
    );
    assert_eq!(
        verdict.not_applicable[0].reason,
        "the machine has joined no cluster"
    );
    let text = verdict.to_string();
    assert_eq!(
        text,
        "the policy refuses the image:\n- 4.1.1 (node): Ensure 4.1.1 (Automated). Run chmod for 4.1.1"
    );

    let strict = policy(&format!("{POLICY}level: strict\n"));
    let verdict = evaluate(&parse(&report(&checks)), &strict, date(2026, 11, 21));
    let failed: Vec<_> = verdict
        .failed
        .iter()
        .map(|check| check.check.as_str())
        .collect();
    assert_eq!(
        failed,
        ["4.1.1", "4.1.3"],
        "checks of type manual always warn and never refuse"
    );
}

#[test]
fn a_waiver_ends_and_an_idle_one_is_told() {
    let failing = parse(&report(&[("4.1.2", "FAIL", "", true)]));
    assert!(evaluate(&failing, &policy(POLICY), date(2026, 12, 31)).passed);
    let verdict = evaluate(&failing, &policy(POLICY), date(2027, 1, 1));
    assert!(!verdict.passed);
    assert_eq!(verdict.expired[0].check, "4.1.2");
    assert!(
        verdict
            .to_string()
            .contains("the waiver of 4.1.2 ended on 2026-12-31")
    );
    assert_eq!(verdict.unused, ["4.1.5"]);
}

#[test]
fn what_was_not_run_does_not_pass() {
    let passing = parse(&report(&[("4.1.1", "PASS", "", true)]));
    let verdict = evaluate(
        &passing,
        &policy(&POLICY.replace("[node]", "[node, master, policies]")),
        date(2026, 11, 21),
    );
    assert!(!verdict.passed);
    assert_eq!(verdict.missing_targets, ["master", "policies"]);
    let verdict = evaluate(
        &passing,
        &policy(&POLICY.replace("cis-1.12", "cis-1.11")),
        date(2026, 11, 21),
    );
    assert!(!verdict.passed);
    assert_eq!(verdict.other_benchmarks, ["cis-1.12"]);
}

#[test]
fn a_policy_without_meaning_is_refused_where_it_is_wrong() {
    let refused = |text: &str| Policy::parse(text, "policy.yaml").unwrap_err().to_string();
    for (from, to, said) in [
        ("[node]", "[]", "policy.yaml: targets"),
        (
            "reason: cured in the next base image",
            "reason: ''",
            "check 4.1.2 has no reason",
        ),
        ("until: 2026-12-31", "until: soon", "until"),
        ("check: 4.1.5", "check: 4.1.2", "let off twice"),
        ("schemaVersion: 1", "schemaVersion: 9", "schemaVersion"),
        ("benchmark:", "benchmrk:", "benchmrk"),
        ("until: 2026-12-31", "untill: 2026-12-31", "untill"),
    ] {
        let text = refused(&POLICY.replace(from, to));
        assert!(text.contains(said), "{text}");
    }
    assert!(refused("level: [").contains("policy.yaml"));
    let defaults = policy("schemaVersion: 1\nbenchmark: cis-1.12\ntargets: [node]\n");
    assert_eq!(
        (defaults.level, defaults.verify),
        (Level::Scored, Verify::Boot)
    );
}
