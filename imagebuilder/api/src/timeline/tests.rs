//! A build with a cached stage, a retried step and a failure, as bars and as a picture.

use serde_json::json;

use super::*;

fn view() -> BuildView {
    let id = |digit: char| digit.to_string().repeat(64);
    let step = |name: &str, part: Option<String>, from: u32, to: u32, state: &str| {
        json!({"name": name, "part": part, "state": state, "attempts": 1, "cached": false,
            "startedAt": format!("2026-11-21T10:{:02}:{:02}Z", from / 60, from % 60),
            "endedAt": format!("2026-11-21T10:{:02}:{:02}Z", to / 60, to % 60)})
    };
    let mut steps = vec![
        step("ResolveInputs", None, 10, 11, "done"),
        step("FindReusable", None, 11, 12, "done"),
        step("LaunchMachine", None, 12, 15, "done"),
        step("WaitForSsh", None, 15, 50, "done"),
        step("RunStage", Some(id('b')), 50, 230, "done"),
        step("Checkpoint", Some(id('b')), 230, 240, "done"),
        step("KubeBench", None, 240, 260, "failed"),
    ];
    steps[3]["attempts"] = json!(2);
    serde_json::from_value(json!({
        "id": "b-1", "signature": id('c'), "profile": "library/profiles/<demo>&co:1.0.0",
        "request": {"profile": "library/profiles/demo:1.0.0"}, "state": "failed", "attempt": 1, "conditions": [],
        "steps": steps,
        "stages": [{"id": id('a'), "name": "harden", "cached": true},
            {"id": id('b'), "name": "kubernetes", "cached": false, "seconds": 180.0}],
        "createdAt": "2026-11-21T10:00:00Z", "startedAt": "2026-11-21T10:00:10Z", "endedAt": "2026-11-21T10:04:22Z"
    }))
    .unwrap()
}

fn timeline() -> Timeline {
    Timeline::of(&view(), "2026-11-21T11:00:00Z".parse().unwrap())
}

#[test]
fn bars_lie_where_the_journal_says() {
    let timeline = timeline();
    assert_eq!((timeline.seconds, timeline.queued_seconds), (252.0, 10.0));
    let labels: Vec<&str> = timeline.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "ResolveInputs",
            "FindReusable",
            "stage harden",
            "LaunchMachine",
            "WaitForSsh",
            "RunStage kubernetes",
            "Checkpoint kubernetes",
            "KubeBench"
        ]
    );
    let harden = &timeline.rows[2];
    assert_eq!(
        (harden.cached, harden.begin, harden.seconds),
        (true, None, None)
    );
    let kubernetes = &timeline.rows[5];
    assert_eq!(
        (kubernetes.begin, kubernetes.seconds),
        (Some(40.0), Some(180.0))
    );
}

#[test]
fn what_runs_ends_now() {
    let mut view = view();
    view.ended_at = None;
    view.steps[6].state = StepState::Running;
    view.steps[6].ended_at = None;
    let timeline = Timeline::of(&view, "2026-11-21T10:10:10Z".parse().unwrap());
    assert_eq!(timeline.seconds, 600.0);
    assert_eq!(timeline.rows[7].seconds, Some(370.0));
}

#[test]
fn the_picture_has_a_bar_for_each_row_and_no_name_breaks_it() {
    let picture = svg(&timeline());
    assert_eq!(picture.matches("<svg").count(), 1);
    for (class, count) in [("step", 5), ("stage", 1), ("failed", 1), ("cached", 1)] {
        // One more is in the legend.
        let found = picture.matches(&format!("<rect class=\"{class}\"")).count();
        assert_eq!(found, count + 1, "{class}");
    }
    assert!(picture.contains("library/profiles/&lt;demo&gt;&amp;co:1.0.0"));
    assert!(picture.contains("<title>WaitForSsh: done, 35 s, try 2</title>"));
    assert!(picture.contains(">4 min<"), "the axis has marks");
    for tag in ["svg", "text", "title", "style"] {
        let (opened, closed) = (format!("<{tag}"), format!("</{tag}>"));
        assert_eq!(
            picture.matches(&opened).count(),
            picture.matches(&closed).count(),
            "{tag}"
        );
    }
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
}

#[test]
fn a_build_that_has_not_begun_is_an_empty_picture() {
    let mut view = view();
    (view.started_at, view.ended_at) = (None, None);
    view.steps.clear();
    view.stages.clear();
    let picture = svg(&Timeline::of(&view, view.created_at));
    assert!(
        picture.contains("0 s") && !picture.contains("NaN"),
        "{picture}"
    );
}
