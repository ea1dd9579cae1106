//! One build, two worker processes, the first of them killed: one trace tells all of it, and no
//! secret.

use std::collections::{BTreeSet, HashMap};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use imagebuilder_api::{BuildState, BuildView, EnsureImageAnswer, StepName, StepState};
use proxies::Proxies;
use serde_json::json;
use tests_collector::{Collector, Seen};
use tests_postgres::Postgres;
use traces::{SpanKind, Target, TraceContext};

use super::cloud::Cloud;
use super::worker::Desk;
use crate::engine::Engine;
use crate::testing::World;

const SECRET: &str = "hunter22-in-the-trace";
/// Of the caller.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A worker that does not outlive its test.
struct Hired(Child);

impl Drop for Hired {
    fn drop(&mut self) {
        // Mostly it has ended by now.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn until(engine: &Engine, build: &str, wanted: impl Fn(&BuildView) -> bool) -> BuildView {
    for _ in 0..6000 {
        let view = engine.build(build).await.expect("a build");
        if wanted(&view) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain: {:#?}", engine.build(build).await);
}

fn is_in_a_stage(view: &BuildView) -> bool {
    let mut steps = view.steps.iter();
    steps.any(|step| step.name == StepName::RunStage && step.state == StepState::Running)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_one_trace_also_when_its_worker_is_killed() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let world = World::new().await;
    publish(&world).await;
    let cloud = Cloud::start(folder.path(), Arc::clone(&world.registry), 0);
    let database = Postgres::shared().database();
    let desk = |name: &str, hangs: Option<&str>| Desk {
        socket: cloud.socket.clone(),
        data: folder.path().join(name),
        database: database.clone(),
        slots: 1,
        traces: Some(collector.url().to_owned()),
        says: format!("it is {SECRET}"),
        hangs: hangs.map(str::to_owned),
    };
    let boss = desk("boss", None);
    let (tracer, exporting) = boss.trace();
    let boss = boss.engine(tracer.clone()).await;
    let request = tracer.enter("POST", SpanKind::Server, TraceContext::parse(CALLER));
    let asking = boss.ensure(world.request());
    let answer = traces::within(request.context(), asking).await.unwrap();
    request.end();
    let EnsureImageAnswer::Building { build, .. } = answer else {
        panic!("nobody built it: {answer:?}");
    };
    let build = build.to_string();

    let mut first = Hired(desk("first", Some("kubernetes")).hire());
    let captured = |span: &Seen| span.name == "Checkpoint";
    collector
        .until("the first stage", |spans| spans.iter().any(captured))
        .await;
    until(&boss, &build, is_in_a_stage).await;
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let name = database.rsplit('/').next().unwrap();
    let later = "update leases set expires_at = 0";
    Postgres::shared().run(name, later).unwrap();
    let _second = Hired(desk("second", None).hire());
    let view = until(&boss, &build, |view| view.state.has_ended()).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    assert_eq!(view.attempt, 2);
    exporting.unwrap().finish().await;
    let ended = |spans: &[Seen]| {
        let names = spans.iter().map(|span| span.name.as_str());
        let names = names.collect::<BTreeSet<_>>();
        names.contains("build") && names.contains("POST")
    };
    let spans = collector.until("the end of the build", ended).await;
    judge(&view, &spans);
    expect_no_secret(&collector);
}

#[tokio::test]
async fn a_build_that_fails_says_in_its_trace_where_and_no_secret() {
    let collector = Collector::start().await;
    let target = Target {
        endpoint: collector.url().to_owned(),
        headers: HashMap::new(),
        ratio: 1.0,
        proxies: Proxies::none(),
        version: "test",
    };
    let (tracer, exporting) = traces::start(&target).unwrap();
    let mut world = World::new().await;
    publish(&world).await;
    world.reconfigure(|config| config.tracer = tracer).await;
    let said = || Box::new(|_: &str| format!("it is {SECRET}"));
    world.ansible.gossip(said());
    world.ansible.fail("roles-addon-demo", 1);
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Failed, "{view:#?}");
    world.stop().await;
    exporting.finish().await;
    let spans = collector.spans();
    let failed = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        found.find_map(|span| span.failed.clone()).unwrap()
    };
    assert_eq!(failed("build"), "RoleFailed");
    assert!(failed("RunStage").contains("********"), "{spans:#?}");
    let task = spans
        .iter()
        .find(|span| span.get("ansible.outcome") == "failed");
    assert!(task.unwrap().get("ansible.task").contains("********"));
    expect_no_secret(&collector);
}

fn expect_no_secret(collector: &Collector) {
    let sent = String::from_utf8(collector.bytes()).unwrap();
    assert!(sent.contains("********") && !sent.contains(SECRET));
}

/// A profile with a variable that nobody may see.
async fn publish(world: &World) {
    let packs = [
        ("os-demo", "os"),
        ("kubernetes", "k8s"),
        ("addon-demo", "addon"),
    ];
    let variables = json!([{"name": "v", "displayName": "V", "format": "string",
        "defaultValue": SECRET, "isSensitive": true}]);
    world.publish_profile_with("demo", &packs, variables).await;
}

fn judge(view: &BuildView, spans: &[Seen]) {
    let one = |name: &str| {
        let mut all = spans.iter().filter(|span| span.name == name);
        let found = all
            .next()
            .unwrap_or_else(|| panic!("no {name}: {spans:#?}"));
        assert_eq!(all.next(), None, "two spans {name}");
        found
    };
    let parents = |span: &Seen| spans.iter().find(|other| other.id == span.parent).cloned();
    // One trace, of the caller, from the request down.
    let (request, asked, root) = (one("POST"), one("ensure image"), one("build"));
    assert!(CALLER.contains(&request.trace) && CALLER.contains(&request.parent));
    assert_eq!(view.trace_id.as_ref(), Some(&request.trace));
    for span in spans {
        assert_eq!(span.trace, request.trace, "{span:#?}");
    }
    assert_eq!(asked.parent, request.id);
    assert_eq!(root.parent, asked.id);
    assert_eq!(root.get("packyard.outcome"), "succeeded");
    assert_eq!(root.get("packyard.attempt"), "2");
    // Every try of every step is below the build, with what came of it.
    let steps: Vec<&Seen> = spans.iter().filter(|span| span.parent == root.id).collect();
    for step in &view.steps {
        let tries = steps.iter().filter(|span| {
            let stage = view
                .stages
                .iter()
                .find(|stage| step.part.as_deref() == Some(stage.id.as_str()));
            let stage = stage.map_or("", |stage| stage.name.as_str());
            span.name == step.name.as_str()
                && (span.get("packyard.stage") == stage || span.get("packyard.outcome") == "lost")
        });
        let ends: Vec<&str> = tries.map(|span| span.get("packyard.outcome")).collect();
        assert!(
            ends.contains(&"done") || ends.contains(&"skipped"),
            "{step:?}: {ends:?}"
        );
    }
    let lost = steps
        .iter()
        .filter(|span| span.get("packyard.outcome") == "lost");
    let lost: Vec<_> = lost.collect();
    assert_eq!(lost.len(), 1, "the killed worker was at one step");
    assert_eq!(lost[0].name, "RunStage");
    assert_eq!(lost[0].failed.as_deref(), Some("the worker died"));
    // Tasks are below the step that ran them, calls below the step that made them.
    let tasks: Vec<&Seen> = spans
        .iter()
        .filter(|span| !span.get("ansible.task").is_empty())
        .collect();
    assert!(
        tasks
            .iter()
            .any(|task| task.get("ansible.changed") == "true")
    );
    for task in &tasks {
        let above = parents(task).unwrap_or_else(|| panic!("no step above {task:#?}"));
        assert!(steps.iter().any(|step| step.id == above.id), "{task:#?}");
        assert!(!task.get("ansible.role").is_empty());
    }
    for (call, step) in [
        ("provider launch", "LaunchMachine"),
        ("provider checkpoint", "Checkpoint"),
        ("registry push", "PublishRecord"),
    ] {
        let below = |span: &&Seen| {
            span.name == call && parents(span).is_some_and(|above| above.name == step)
        };
        assert!(
            spans.iter().any(|span| below(&span)),
            "no {call} below {step}"
        );
    }
}
