//! A build from nothing, the second request, a changed role, stages of another host.

use imagebuilder_api::{
    BuildState, EnsureImage, EnsureImageAnswer, ImageKind, ImageState, StepName, StepState,
};
use registry_pack::media;

use crate::testing::World;
use crate::tests::cancel::{hold, until_held};

const ALL_RUNS: [&str; 4] = ["harden", "kubernetes", "roles-os-demo", "roles-addon-demo"];

async fn build(world: &World) {
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
}

#[tokio::test]
async fn a_build_ends_verified_and_the_second_request_finds_it() {
    let mut world = World::new().await;
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    assert!(
        view.steps
            .iter()
            .all(|step| matches!(step.state, StepState::Done | StepState::Skipped)),
        "{view:#?}"
    );
    assert_eq!(world.ansible.runs(), ALL_RUNS);
    assert_eq!(world.left_over().await, Vec::<String>::new());
    let EnsureImageAnswer::Ready { image, built } =
        world.engine.ensure(world.request()).await.unwrap()
    else {
        panic!("the image is there")
    };
    assert_eq!(
        (image.kind, image.state, built),
        (ImageKind::Built, ImageState::Verified, false)
    );
    assert_eq!(image.build, Some(view.id));
    assert_eq!(
        world.ansible.runs().len(),
        ALL_RUNS.len(),
        "nothing ran again"
    );
    let types = world.registry.artifact_types("library/images/os-demo");
    let mut wanted = [
        media::IMAGE,
        media::BUILD_RECORD,
        media::CYCLONEDX,
        media::IN_TOTO,
        media::KUBE_BENCH_REPORT,
    ];
    wanted.sort_unstable();
    assert_eq!(types, wanted);
    world.stop().await;
}

#[tokio::test]
async fn two_requests_for_one_signature_share_one_build() {
    let world = World::new().await;
    let (first, second) = tokio::join!(world.ask(), world.ask());
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn a_changed_role_starts_from_the_stage_below_it_and_is_named() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    let before = world.engine.images(10, None).await.unwrap();
    world
        .publish_pack(
            "addon-demo",
            "addon",
            "false",
            &[("last_role", "echo other")],
        )
        .await;
    let again = world.ask().await.unwrap();
    let view = world.ended(&again).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    assert_eq!(world.ansible.runs()[ALL_RUNS.len()..], ["roles-addon-demo"]);
    let cached: Vec<bool> = view.stages.iter().map(|stage| stage.cached).collect();
    assert_eq!(cached, [true, true, true, false]);
    let left = before[0].signature.as_ref().unwrap().as_str();
    let differences = world
        .engine
        .diff(left, view.signature.as_str())
        .await
        .unwrap();
    let text = format!("{differences:?}");
    assert!(
        text.contains("tasks/main.yml") && text.contains("last_role"),
        "{text}"
    );
    world.stop().await;
}

#[tokio::test]
async fn fresh_ignores_image_and_stages() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    let request = EnsureImage {
        fresh: true,
        ..world.request()
    };
    let EnsureImageAnswer::Building { build, .. } = world.engine.ensure(request).await.unwrap()
    else {
        panic!("a fresh image is built")
    };
    assert_eq!(
        world.ended(build.as_str()).await.state,
        BuildState::Succeeded
    );
    assert_eq!(world.ansible.runs()[ALL_RUNS.len()..], ALL_RUNS);
    world.stop().await;
}

#[tokio::test]
async fn the_file_of_an_image_is_in_the_registry_before_it_is_verified_and_has_no_name() {
    let mut world = World::new().await;
    hold(&world, StepName::Verify);
    world.start();
    let build = world.ask().await.unwrap();
    until_held(&world, &build, StepName::Verify).await;
    assert!(world.registry.has_blob("image of"));
    let images = world.registry.artifact_types("library/images/os-demo");
    assert_eq!(images, Vec::<String>::new());
    world.engine.cancel(&build).await.unwrap();
    world.ended(&build).await;
    world.stop().await;
}

#[tokio::test]
async fn a_file_that_could_not_be_sent_ahead_is_sent_when_the_image_is_published() {
    let mut world = World::new().await;
    world.registry.refuse_uploads();
    world.start();
    build(&world).await;
    assert!(world.registry.has_blob("image of"));
    world.stop().await;
}

#[tokio::test]
async fn another_host_takes_stages_from_the_registry() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    world.until_pushed().await;
    world.stop().await;
    world.registry.forget("library/images/os-demo");
    let mut other = world.another_host().await;
    other.start();
    build(&other).await;
    assert_eq!(other.ansible.runs(), ALL_RUNS);
    other.stop().await;
}

#[tokio::test]
async fn an_image_of_another_host_is_taken_over() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    world.stop().await;
    let other = world.another_host().await;
    let answer = other.engine.ensure(other.request()).await.unwrap();
    assert!(
        matches!(answer, EnsureImageAnswer::Ready { built: false, .. }),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_image_whose_disk_is_gone_is_built_again() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    world.registry.forget("library/images/os-demo");
    build(&world).await;
    world.stop().await;
}

#[tokio::test]
async fn roles_alone_run_without_hardening_and_kubernetes() {
    let mut world = World::new().await;
    world
        .publish_pack("os-demo", "os", "true", &[("base_role", "echo base")])
        .await;
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    assert_eq!(world.ansible.runs(), ["roles-os-demo", "roles-addon-demo"]);
    let bench = view
        .steps
        .iter()
        .find(|step| step.name == StepName::KubeBench)
        .unwrap();
    assert_eq!(bench.state, StepState::Skipped);
    world.stop().await;
}

#[tokio::test]
async fn without_roles_and_kubernetes_nothing_is_built() {
    let world = World::new().await;
    world.publish_pack("os-demo", "os", "true", &[]).await;
    world
        .publish_pack("addon-demo", "addon", "false", &[])
        .await;
    let answer = world.engine.ensure(world.request()).await.unwrap();
    let EnsureImageAnswer::Ready { image, .. } = answer else {
        panic!("nothing is built")
    };
    assert_eq!(image.kind, ImageKind::Referenced);
    assert!(
        image.locations[0]
            .id
            .starts_with("library/images/base/demo@sha256:")
    );
    assert!(world.engine.builds(10, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_logs_are_one_zip_without_keys() {
    let mut world = World::new().await;
    world.start();
    let build = world.ask().await.unwrap();
    world.ended(&build).await;
    let mut pieces = world.engine.logs(&build).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.recv().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    let zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    for wanted in [
        "build.json",
        "events.json",
        "journal.json",
        "inputs.json",
        "kube-bench.json",
        "sbom.cdx.json",
    ] {
        assert!(
            names.iter().any(|name| name == wanted),
            "{wanted} is missing in {names:?}"
        );
    }
    assert!(
        !names.iter().any(|name| name.starts_with("keys")),
        "{names:?}"
    );
    world.stop().await;
}
