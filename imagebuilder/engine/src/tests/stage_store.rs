//! Stages of their own, hits and misses explained, disks verified, the store below its limit.

use imagebuilder_api::{BuildState, EnsureImage, EnsureImageAnswer};
use serde_json::json;

use crate::stages::evict;
use crate::testing::World;

async fn build(world: &World) -> String {
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    view.signature.to_string()
}

async fn publish(world: &World, own: &str, roles: &[(&str, &str)]) {
    let annotations = json!({"packyard.io/own-stage": own});
    world
        .publish_pack_with("addon-demo", "addon", "false", roles, annotations, "")
        .await;
}

/// The runs since the last time it was asked.
fn runs(world: &World, seen: &mut usize) -> Vec<String> {
    let all = world.ansible.runs();
    let new = all[*seen..].to_vec();
    *seen = all.len();
    new
}

#[tokio::test]
async fn a_role_with_a_stage_of_its_own_is_not_run_again_when_a_later_one_changes() {
    let mut world = World::new().await;
    let mut seen = 0;
    publish(
        &world,
        "slow",
        &[("first", "echo 1"), ("slow", "echo 2"), ("last", "echo 3")],
    )
    .await;
    world.start();
    build(&world).await;
    let parts = [
        "roles-addon-demo-first",
        "roles-addon-demo-slow",
        "roles-addon-demo-last",
    ];
    assert_eq!(runs(&world, &mut seen)[3..6], parts);
    publish(
        &world,
        "slow",
        &[
            ("first", "echo 1"),
            ("slow", "echo 2"),
            ("last", "echo changed"),
        ],
    )
    .await;
    let signature = build(&world).await;
    assert_eq!(runs(&world, &mut seen), ["roles-addon-demo-last"]);
    let report = world
        .engine
        .cache_report(&signature)
        .await
        .unwrap()
        .unwrap();
    let hits: Vec<bool> = report.stages.iter().map(|stage| stage.hit).collect();
    assert_eq!(hits, [true, true, true, true, true, false]);
    assert_eq!(
        report.stages[5].why.as_deref(),
        Some("role last of pack addon-demo: file tasks/main.yml has other content")
    );
    publish(
        &world,
        "slow",
        &[
            ("first", "echo 0"),
            ("slow", "echo 2"),
            ("last", "echo changed"),
        ],
    )
    .await;
    let signature = build(&world).await;
    let report = world
        .engine
        .cache_report(&signature)
        .await
        .unwrap()
        .unwrap();
    let why: Vec<Option<&str>> = report
        .stages
        .iter()
        .map(|stage| stage.why.as_deref())
        .collect();
    assert_eq!(
        why[3..],
        [
            Some("role first of pack addon-demo: file tasks/main.yml has other content"),
            Some("it stands on stage roles addon-demo/first, which changed"),
            Some("it stands on stage roles addon-demo/first, which changed"),
        ]
    );
    world.stop().await;
}

#[tokio::test]
async fn a_role_that_asks_and_is_not_there_is_named() {
    let world = World::new().await;
    publish(&world, "slwo", &[("slow", "echo 2")]).await;
    let said = world.ask().await.unwrap_err().to_string();
    assert!(
        said.contains("slwo") && said.contains("own-stage"),
        "{said}"
    );
}

#[tokio::test]
async fn a_first_build_and_a_fresh_one_say_why_nothing_was_found() {
    let mut world = World::new().await;
    world.start();
    let signature = build(&world).await;
    let report = world
        .engine
        .cache_report(&signature)
        .await
        .unwrap()
        .unwrap();
    assert!(report.stages.iter().all(|stage| !stage.hit && stage.stored));
    let why = report.stages[0].why.as_deref().unwrap();
    assert!(why.starts_with("no earlier build"), "{why}");
    let fresh = EnsureImage {
        fresh: true,
        ..world.request()
    };
    let EnsureImageAnswer::Building { build, .. } = world.engine.ensure(fresh).await.unwrap()
    else {
        panic!("a fresh image is built")
    };
    world.ended(build.as_str()).await;
    let report = world
        .engine
        .cache_report(&signature)
        .await
        .unwrap()
        .unwrap();
    let why = report.stages[0].why.as_deref().unwrap();
    assert!(why.contains("make everything again"), "{why}");
    world.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_not_what_it_was_is_not_built_upon() {
    let mut world = World::new().await;
    let mut seen = 0;
    world.start();
    build(&world).await;
    world.until_pushed().await;
    runs(&world, &mut seen);
    // A bad disk in the middle, and a registry that cannot help.
    let stages = world.engine.shop.journal.stages().await.unwrap();
    let kubernetes = stages
        .iter()
        .find(|stage| stage.name == "kubernetes")
        .unwrap();
    let disk = world.folder().join("cloud/disks").join(&kubernetes.disk);
    let mut bytes = std::fs::read(&disk).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&disk, bytes).unwrap();
    world.registry.forget("library/stages");
    let roles = [("last_role", "echo other")];
    world
        .publish_pack("addon-demo", "addon", "false", &roles)
        .await;
    build(&world).await;
    assert_eq!(
        runs(&world, &mut seen),
        ["kubernetes", "roles-os-demo", "roles-addon-demo"]
    );
    // An image of another branch, whose stages still stand on the bad disk.
    let roles = [("last_role", "echo last")];
    world
        .publish_pack("addon-demo", "addon", "false", &roles)
        .await;
    world.registry.forget("library/images/os-demo");
    build(&world).await;
    assert_eq!(runs(&world, &mut seen), ["roles-addon-demo"]);
    world.stop().await;
}

#[tokio::test]
async fn the_store_stays_below_its_limit_and_no_running_build_loses_a_stage() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    world.until_pushed().await;
    world.restart().await;
    let stored = async |world: &World| world.engine.shop.journal.stages().await.unwrap().len();
    let all = stored(&world).await;
    assert_eq!(all, 5, "four stages and a base image");
    world
        .reconfigure(|config| config.stage_store_bytes = Some(0))
        .await;
    let roles = [("last_role", "echo other")];
    world
        .publish_pack("addon-demo", "addon", "false", &roles)
        .await;
    let waiting = world.ask().await.unwrap();
    let report = evict(&world.engine.shop).await.unwrap();
    assert_eq!(
        report.stages,
        ["roles addon-demo"],
        "the others belong to a build that waits"
    );
    world.start();
    assert_eq!(world.ended(&waiting).await.state, BuildState::Succeeded);
    world.until_pushed().await;
    world.stop().await;
    world
        .reconfigure(|config| config.stage_store_bytes = Some(0))
        .await;
    let report = evict(&world.engine.shop).await.unwrap();
    assert_eq!(
        (report.stages.len(), report.size_bytes, stored(&world).await),
        (5, 0, 0)
    );
    assert_eq!(world.left_over().await, Vec::<String>::new());
}
