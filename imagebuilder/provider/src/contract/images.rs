//! Images: of stopped machines only, one per name, tagged from the start.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::contract::world::{GRACE, World, listed};
use crate::error::Remedy;
use crate::image::CaptureSpec;
use crate::provider::Provider;
use crate::resource::ResourceKind;
use crate::tags::Tags;

fn capture_spec(name: &str) -> CaptureSpec {
    CaptureSpec {
        name: name.parse().expect("this is a name"),
        tags: BTreeMap::from([
            (Tags::SIGNATURE.to_owned(), "0".repeat(64)),
            (Tags::STATE.to_owned(), "captured".to_owned()),
        ]),
    }
}

pub(super) async fn only_a_stopped_machine_is_captured<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let machine = provider
        .launch(&world.spec(world.disk(&provider).await))
        .await
        .expect("a machine can be launched");
    let error = provider
        .capture(&machine.id, &capture_spec("early"), &|_| ())
        .await
        .expect_err("it runs");
    assert_eq!(error.remedy(), Remedy::Never);
    assert_eq!(listed(&provider, ResourceKind::Image, "early").await, None);
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
}

pub(super) async fn capturing_twice_gives_one_image<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let machine = provider
        .launch(&world.spec(world.disk(&provider).await))
        .await
        .expect("a machine can be launched");
    let stage = provider
        .checkpoint(&machine.id, &world.stage())
        .await
        .expect("a checkpoint");
    provider
        .shutdown(&machine.id, GRACE)
        .await
        .expect("it ends");

    let seen = Mutex::new(Vec::new());
    let progress = |done: f32| seen.lock().expect("no check panicked").push(done);
    let spec = capture_spec("contract-image");
    let first = provider
        .capture(&machine.id, &spec, &progress)
        .await
        .expect("a stopped machine is captured");
    let seen = seen.into_inner().expect("no check panicked");
    assert_eq!(seen.last(), Some(&1.0), "progress ends with all");
    assert!(
        seen.is_sorted() && seen.iter().all(|done| (0.0..=1.0).contains(done)),
        "progress only grows: {seen:?}"
    );
    assert_eq!(first.virtual_size_bytes, world.fixture.disk_size_bytes);

    let second = provider
        .capture(&machine.id, &spec, &|_| ())
        .await
        .expect("again is the same");
    assert_eq!(first, second);
    let resource = listed(&provider, ResourceKind::Image, first.id.as_str())
        .await
        .expect("it is listed");
    assert_eq!(resource.tags, spec.tags);

    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
    provider
        .delete_disk(&stage)
        .await
        .expect("nothing stands on it");
    if let Some(path) = &first.path {
        assert!(path.exists(), "an image stands alone");
    }
    for _ in 0..2 {
        provider
            .delete_image(&first.id)
            .await
            .expect("of one that is gone: done");
        assert_eq!(
            listed(&provider, ResourceKind::Image, first.id.as_str()).await,
            None
        );
    }
}
