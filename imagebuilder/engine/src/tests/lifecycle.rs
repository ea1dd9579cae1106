//! Images are held, withdrawn and removed by rule; what is withdrawn never comes back.

use imagebuilder_api::{
    BuildState, CollectImages, EnsureImage, EnsureImageAnswer, ImageState, StepName,
};
use registry_pack::media;

use crate::error::EngineError;
use crate::registry::{Artifact, Descriptor, Registry as _};
use crate::testing::World;
use crate::tests::cancel::{hold, until_held};

const IMAGES: &str = "library/images/os-demo";

async fn build(world: &World) -> String {
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    view.signature.to_string()
}

async fn change_last_role(world: &World, to: &str) {
    let roles = [("last_role", to)];
    world
        .publish_pack("addon-demo", "addon", "false", &roles)
        .await;
}

/// Makes something of this type refer to an image.
async fn refer(world: &World, signature: &str, artifact_type: &str) {
    let record = world.engine.image(signature).await.unwrap();
    let image = record.artifact.unwrap();
    let referrer = Artifact {
        artifact_type: artifact_type.to_owned(),
        config: (media::EMPTY_CONFIG.to_owned(), b"{}".to_vec()),
        layers: Vec::new(),
        subject: Some(Descriptor {
            media_type: media::IMAGE_MANIFEST.to_owned(),
            digest: image.digest,
            size_bytes: 1,
            annotations: serde_json::Map::new(),
        }),
        annotations: Vec::new(),
    };
    let repository = image.repository.parse().unwrap();
    let pushed = world.registry.push(&repository, None, &referrer);
    pushed.await.unwrap();
}

fn reason(answer: Result<impl std::fmt::Debug, EngineError>) -> String {
    match answer {
        Err(EngineError::Input { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_revoked_image_is_neither_answered_nor_built_again() {
    let mut world = World::new().await;
    world.start();
    let first = build(&world).await;
    change_last_role(&world, "echo other").await;
    let second = build(&world).await;
    world.engine.hold(&second, "cluster-1", None).await.unwrap();
    let revocation = world
        .engine
        .revoke(&second[..12], "a hole in it")
        .await
        .unwrap();
    let found = &revocation.dependants;
    assert_eq!(found.profiles, ["library/profiles/demo:1.0.0"]);
    assert_eq!(found.holds[0].holder, "cluster-1");
    assert_eq!(found.images[0].signature.as_str(), first);
    assert_eq!(found.images[0].stage, "roles os-demo");
    let fresh = EnsureImage {
        fresh: true,
        ..world.request()
    };
    for request in [world.request(), fresh] {
        assert_eq!(reason(world.engine.ensure(request).await), "ImageRevoked");
    }
    assert_eq!(
        world.engine.image(&second).await.unwrap().state,
        ImageState::Revoked
    );
    let again = world
        .engine
        .revoke(&second, "another reason")
        .await
        .unwrap();
    assert_eq!(again.reason, "a hole in it");
    // Another builder, which has only the registry in common.
    let other = world.another_host().await;
    assert_eq!(
        reason(other.engine.ensure(other.request()).await),
        "ImageRevoked"
    );
    let types = world.registry.artifact_types(IMAGES);
    assert!(
        types.iter().any(|kind| kind == media::DEPRECATION),
        "who pulls it is warned"
    );
    // The record is gone, the verdict is not.
    world.registry.forget(IMAGES);
    assert_eq!(
        reason(world.engine.ensure(world.request()).await),
        "ImageRevoked"
    );
    change_last_role(&world, "echo mended").await;
    build(&world).await;
    world.stop().await;
}

#[tokio::test]
async fn what_is_revoked_while_it_is_built_is_not_published() {
    let mut world = World::new().await;
    world.start();
    let signature = build(&world).await;
    let fresh = EnsureImage {
        fresh: true,
        ..world.request()
    };
    hold(&world, StepName::KubeBench);
    let answer = world.engine.ensure(fresh).await.unwrap();
    let EnsureImageAnswer::Building { build, .. } = answer else {
        panic!("a fresh image is built")
    };
    until_held(&world, build.as_str(), StepName::KubeBench).await;
    world
        .engine
        .revoke(&signature, "a hole in it")
        .await
        .unwrap();
    let view = world.ended(build.as_str()).await;
    assert_eq!(view.state, BuildState::Cancelled, "{view:#?}");
    assert_eq!(
        world.engine.image(&signature).await.unwrap().state,
        ImageState::Revoked
    );
    // The reaper takes the disks that the fresh stages replaced.
    world.expect_nothing_left("revoked").await;
    world.stop().await;
}

#[tokio::test]
async fn a_rule_removes_what_nobody_needs() {
    let mut world = World::new().await;
    world.start();
    let held = build(&world).await;
    change_last_role(&world, "echo two").await;
    let old = build(&world).await;
    refer(&world, &old, media::IMAGE_CHUNKS).await;
    change_last_role(&world, "echo three").await;
    let current = build(&world).await;
    world
        .engine
        .hold(&held, "cluster-1", Some("it boots it"))
        .await
        .unwrap();
    let rule = |keep_last, dry_run| CollectImages {
        keep_last: Some(keep_last),
        older_than_days: None,
        dry_run,
    };
    let collect = async |keep_last, dry_run| {
        let rule = rule(keep_last, dry_run);
        let report = world.engine.collect_images(&rule).await.unwrap();
        let name = |one: &imagebuilder_api::CollectedImage| one.signature.to_string();
        let removed: Vec<String> = report.removed.iter().map(name).collect();
        let kept: Vec<String> = report
            .kept
            .iter()
            .filter_map(|one| one.why.clone())
            .collect();
        (removed, kept)
    };
    assert_eq!(collect(3, false).await, (vec![], vec![]));
    let expected = (
        vec![old.clone()],
        vec![
            "cluster-1 holds it".to_owned(),
            "profile library/profiles/demo:1.0.0 resolves to it".to_owned(),
        ],
    );
    assert_eq!(collect(0, true).await, expected);
    assert!(world.engine.image(&old).await.is_ok(), "nothing was done");
    assert_eq!(collect(0, false).await, expected);
    assert!(matches!(
        world.engine.image(&old).await,
        Err(EngineError::NotFound { .. })
    ));
    let types = world.registry.artifact_types(IMAGES);
    let images = types.iter().filter(|kind| *kind == media::IMAGE).count();
    assert_eq!(
        (images, types.len()),
        (2, 10),
        "its reports went with it: {types:?}"
    );
    world.engine.release(&held, "cluster-1").await.unwrap();
    assert_eq!(collect(0, false).await.0, [held]);
    assert!(world.engine.image(&current).await.is_ok());
    world.registry.be_away(1000);
    let away = world.engine.collect_images(&rule(0, false)).await;
    assert!(
        matches!(away, Err(EngineError::Unavailable { .. })),
        "{away:?}"
    );
    world.registry.be_away(0);
    assert_eq!(
        reason(world.engine.collect_images(&CollectImages::default()).await),
        "NoRule"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_removed_image_may_be_built_again() {
    let mut world = World::new().await;
    world.start();
    build(&world).await;
    change_last_role(&world, "echo two").await;
    build(&world).await;
    let rule = CollectImages {
        keep_last: Some(1),
        ..CollectImages::default()
    };
    assert_eq!(
        world
            .engine
            .collect_images(&rule)
            .await
            .unwrap()
            .removed
            .len(),
        1
    );
    change_last_role(&world, "echo last").await;
    build(&world).await;
    world.stop().await;
}
