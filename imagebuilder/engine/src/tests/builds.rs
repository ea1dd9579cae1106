//! A build from nothing, the second request, a changed role.

use imagebuilder_api::{BuildState, EnsureImageAnswer, ImageKind, StepState};

use crate::testing::World;

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
    let runs = [
        "harden",
        "kubernetes",
        "roles-os-demo",
        "roles-addon-demo",
        "kube-bench",
        "seal",
    ];
    assert_eq!(world.ansible.runs(), runs);
    assert_eq!(world.left_over().await, Vec::<String>::new());
    let EnsureImageAnswer::Ready { image, built } =
        world.engine.ensure(world.request()).await.unwrap()
    else {
        panic!("the image is there")
    };
    assert_eq!(
        (image.kind, built, image.build),
        (ImageKind::Built, false, Some(view.id))
    );
    assert_eq!(world.ansible.runs().len(), runs.len(), "nothing ran again");
    world.stop().await;
}
