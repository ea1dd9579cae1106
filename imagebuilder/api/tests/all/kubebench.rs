//! Reading kube-bench's reports.

use imagebuilder_api::kubebench::{Report, ReportError, Status};
use serde_json::{Value, json};

/// A report as kube-bench 0.15 writes it, with its keys and its nulls.
pub(crate) fn report(checks: &[(&str, &str, &str, bool)]) -> Value {
    let count = |wanted: &str| {
        checks
            .iter()
            .filter(|(_, status, _, _)| *status == wanted)
            .count()
    };
    let results: Vec<_> = checks
        .iter()
        .map(|(number, status, kind, scored)| {
            json!({
                "test_number": number, "test_desc": format!("Ensure {number} (Automated)"), "audit": "/bin/sh -c true",
                "AuditEnv": "", "AuditConfig": "", "type": kind, "remediation": format!("Run\n  chmod for {number}"),
                "test_info": [format!("chmod for {number}")], "status": status, "actual_value": "permissions=644",
                "scored": scored, "IsMultiple": false, "expected_result": "permissions has permissions 600"
            })
        })
        .collect();
    let (pass, fail, warn, info) = (count("PASS"), count("FAIL"), count("WARN"), count("INFO"));
    json!({
        "Controls": [
            {
                "id": "4", "version": "cis-1.12", "detected_version": "1.34", "text": "Worker Node Security Configuration",
                "node_type": "node",
                "tests": [{ "section": "4.1", "type": "", "pass": pass, "fail": fail, "warn": warn, "info": info, "desc": "Files", "results": results }],
                "total_pass": pass, "total_fail": fail, "total_warn": warn, "total_info": info
            },
            {
                "id": "5", "version": "cis-1.12", "text": "Nothing matched", "node_type": "policies", "tests": null,
                "total_pass": 0, "total_fail": 0, "total_warn": 0, "total_info": 0
            }
        ],
        "Totals": { "total_pass": pass, "total_fail": fail, "total_warn": warn, "total_info": info }
    })
}

pub(crate) fn parse(report: &Value) -> Report {
    Report::parse(report.to_string().as_bytes()).unwrap()
}

#[test]
fn a_report_is_read_and_summed_per_target() {
    let report = parse(&report(&[
        ("4.1.1", "PASS", "", true),
        ("4.1.2", "FAIL", "", true),
        ("4.1.3", "WARN", "manual", false),
    ]));
    let totals = report.totals_per_target();
    assert_eq!(
        (
            totals["node"].pass,
            totals["node"].fail,
            totals["node"].warn
        ),
        (1, 1, 1)
    );
    assert_eq!(totals["policies"], Default::default());
    let (target, check) = report.checks().nth(1).unwrap();
    assert_eq!(
        (target, check.test_number.as_str(), check.status),
        ("node", "4.1.2", Status::Fail)
    );
}

#[test]
fn it_is_written_as_it_was_read() {
    let mut value = report(&[("4.1.1", "PASS", "", true)]);
    let written = serde_json::to_value(parse(&value)).unwrap();
    value["Controls"][1]["tests"] = json!([]);
    assert_eq!(written, value);
}

#[test]
fn reports_of_single_targets_are_joined() {
    let one = parse(&report(&[("4.1.1", "PASS", "", true)]));
    let two = parse(&report(&[("1.1.1", "FAIL", "", true)]));
    let joined = Report::merge([one, two]);
    assert_eq!(
        (
            joined.totals.pass,
            joined.totals.fail,
            joined.controls.len()
        ),
        (1, 1, 4)
    );
    assert_eq!(parse(&serde_json::to_value(&joined).unwrap()), joined);
}

#[test]
fn what_is_no_report_is_refused_with_its_place() {
    let error = |bytes: &[u8]| Report::parse(bytes).unwrap_err();
    assert!(
        error(b"{\n  \"Controls\": oops")
            .to_string()
            .contains("line 2, column 15")
    );
    assert!(error(b"").to_string().contains("line 1"));
    // With --nototals it is a bare array, of which nobody can say that it is whole.
    assert!(error(b"[]").to_string().contains("with totals"));
    let mut cut = report(&[("4.1.1", "PASS", "", true), ("4.1.2", "FAIL", "", true)]);
    cut["Controls"][0]["tests"][0]["results"]
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(matches!(
        error(cut.to_string().as_bytes()),
        ReportError::Totals { .. }
    ));
    assert!(matches!(
        error(&vec![b' '; (32 << 20) + 1]),
        ReportError::TooLarge { .. }
    ));
}
