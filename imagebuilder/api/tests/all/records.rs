//! The JSON of requests and records, as both ends of the API know it.

use imagebuilder_api::{
    BuildId, Condition, ConditionStatus, EnsureImage, EnsureImageAnswer, Event, EventType,
    ImageKind, ImageRecord, ImageState, StepName,
};
use serde_json::json;

use crate::context::Context;

fn record() -> ImageRecord {
    let chain = Context::example().chain();
    ImageRecord {
        schema_version: ImageRecord::SCHEMA_VERSION,
        signature: Some(chain.signature()),
        state: ImageState::Verified,
        kind: ImageKind::Built,
        profile: "library/profiles/x:1.0.0".to_owned(),
        os_pack: "debian-13:1.0.0".to_owned(),
        chain: Some(chain),
        locations: Vec::new(),
        checks: Vec::new(),
        artifact: None,
        build: Some("b1".parse().unwrap()),
        created_at: "2026-11-21T10:00:00Z".parse().unwrap(),
    }
}

#[test]
fn a_request_needs_only_a_profile() {
    let request: EnsureImage =
        serde_json::from_value(json!({ "profile": "library/profiles/x:1" })).unwrap();
    assert_eq!(
        (
            request.provider.as_str(),
            request.regions.as_slice(),
            request.fresh
        ),
        ("qemu", &["local".to_owned()][..], false)
    );
    let typo = serde_json::from_value::<EnsureImage>(json!({ "profile": "x", "refresh": true }));
    assert!(typo.unwrap_err().to_string().contains("refresh"));
}

#[test]
fn the_two_answers_are_told_apart() {
    let ready = EnsureImageAnswer::Ready {
        image: Box::new(record()),
        built: false,
    };
    let building = EnsureImageAnswer::Building {
        build: "b1".parse().unwrap(),
        signature: record().signature.unwrap(),
    };
    for answer in [ready, building] {
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(
            serde_json::from_str::<EnsureImageAnswer>(&json).unwrap(),
            answer
        );
    }
}

#[test]
fn keys_are_as_documented() {
    let record = serde_json::to_value(record()).unwrap();
    assert_eq!(record["schemaVersion"], 1);
    assert_eq!(
        (&record["state"], &record["kind"]),
        (&json!("verified"), &json!("built"))
    );
    assert_eq!(record["chain"]["stages"][0]["stage"], "base");
    let condition = Condition {
        kind: Condition::READY.to_owned(),
        status: ConditionStatus::False,
        reason: "AnsibleTaskFailed".to_owned(),
        message: "task x failed".to_owned(),
        since: "2026-11-21T10:00:00Z".parse().unwrap(),
    };
    let expected = json!({"type":"Ready","status":"False","reason":"AnsibleTaskFailed","message":"task x failed","since":"2026-11-21T10:00:00Z"});
    assert_eq!(serde_json::to_value(condition).unwrap(), expected);
    let event = Event {
        seq: 1,
        at: "2026-11-21T10:00:00Z".parse().unwrap(),
        kind: EventType::StepStarted,
        step: Some(StepName::RunStage),
        message: "begun".to_owned(),
        data: None,
    };
    let expected = json!({"seq":1,"at":"2026-11-21T10:00:00Z","type":"StepStarted","step":"RunStage","message":"begun"});
    assert_eq!(serde_json::to_value(event).unwrap(), expected);
}

#[test]
fn a_build_id_is_safe_in_a_path() {
    for bad in ["", "../x", "A", "a/b", "-x", &"x".repeat(65)] {
        assert!(bad.parse::<BuildId>().is_err(), "{bad:?}");
    }
}
