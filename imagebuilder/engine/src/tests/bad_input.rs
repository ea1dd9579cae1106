//! What is wrong with a profile or its packs is said before a build begins, with the remedy.

use imagebuilder_api::{BuildState, EnsureImage};
use registry_pack::Digest;

use crate::error::EngineError;
use crate::testing::{KUBELET, World};

async fn refused(world: &World, request: EnsureImage) -> (String, String) {
    match world.engine.ensure(request).await {
        Err(EngineError::Input { reason, message }) => (reason, message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_request_is_refused_before_a_build_begins() {
    let world = World::new().await;
    world
        .publish_profile("no-os", &[("kubernetes", "k8s")])
        .await;
    world
        .publish_profile("no-kubernetes", &[("os-demo", "os")])
        .await;
    world
        .publish_profile(
            "missing-pack",
            &[
                ("os-demo", "os"),
                ("kubernetes", "k8s"),
                ("nowhere", "addon"),
            ],
        )
        .await;
    world
        .publish_profile(
            "wrong-layer",
            &[
                ("os-demo", "os"),
                ("kubernetes", "k8s"),
                ("addon-demo", "cni"),
            ],
        )
        .await;
    let cases = [
        (
            "library/profiles/nothing:1.0.0",
            "ProfileNotFound",
            "packyard profile push",
        ),
        ("library/profiles/demo", "BadReference", "VERSION"),
        ("library/profiles/no-os:1.0.0", "BadProfile", "os"),
        ("library/profiles/no-kubernetes:1.0.0", "BadProfile", "k8s"),
        (
            "library/profiles/missing-pack:1.0.0",
            "PackNotFound",
            "packyard pack push",
        ),
        ("library/profiles/wrong-layer:1.0.0", "WrongLayer", "addon"),
        (
            "library/images/base/demo:1",
            "NotAProfile",
            "packyard profile push",
        ),
    ];
    for (profile, reason, word) in cases {
        let (found, message) = refused(
            &world,
            EnsureImage {
                profile: profile.to_owned(),
                ..world.request()
            },
        )
        .await;
        assert_eq!(found, reason, "{profile}: {message}");
        assert!(
            message.contains(word),
            "{profile}: {word} is not in {message}"
        );
    }
    assert!(world.engine.builds(10, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_provider_or_region_is_refused() {
    let world = World::new().await;
    let request = EnsureImage {
        provider: "aws".to_owned(),
        ..world.request()
    };
    assert_eq!(refused(&world, request).await.0, "UnknownProvider");
    // Also where one of several is known, or none is asked for.
    for regions in [&["mars"][..], &["local", "mars"], &[]] {
        let request = EnsureImage {
            regions: regions.iter().map(|one| (*one).to_owned()).collect(),
            ..world.request()
        };
        let (reason, message) = refused(&world, request).await;
        assert_eq!(reason, "UnknownRegion", "{regions:?}");
        assert!(message.contains("has local"), "{message}");
    }
}

#[tokio::test]
async fn a_missing_base_image_and_a_missing_bundle_are_named() {
    let world = World::new().await;
    world.registry.forget("library/images/base/demo");
    let (reason, message) = refused(&world, world.request()).await;
    assert_eq!(reason, "BaseImageNotFound");
    assert!(message.contains("packyard image import"), "{message}");
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_end_the_build() {
    for (bytes, reason) in [
        (b"a disk".as_slice(), "DigestMismatch"),
        (KUBELET, "ChecksumMismatch"),
    ] {
        let mut world = World::new().await;
        let digest = Digest::sha256(bytes);
        world.registry.corrupt(&digest);
        world.start();
        let build = world.ask().await.unwrap();
        let view = world.ended(&build).await;
        assert_eq!(
            (view.state, view.reason.as_deref()),
            (BuildState::Failed, Some(reason)),
            "{view:#?}"
        );
        let message = view.message.unwrap_or_default();
        assert!(
            message.contains(digest.as_str()) && message.contains("actual"),
            "{message}"
        );
        assert_eq!(world.left_over().await, Vec::<String>::new());
        world.stop().await;
    }
}
