//! Disks: imported once, kept as they are, not deleted under somebody's feet.

use registry_pack::Digest;

use crate::contract::world::{World, listed};
use crate::error::Remedy;
use crate::machine::MachineState;
use crate::provider::Provider;
use crate::resource::ResourceKind;
use crate::tags::Tags;

pub(super) async fn importing_twice_gives_one_disk<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let first = world.disk(&provider).await;
    assert_eq!(world.disk(&provider).await, first);
    assert_eq!(world.disk(&world.open().await).await, first);
    let disk = provider
        .disk(&first)
        .await
        .expect("disks can be asked for")
        .expect("it is there");
    assert_eq!((disk.id, disk.parent), (first.clone(), None));
    if let Some(path) = disk.path {
        let [kept, source] = [&path, &world.fixture.disk.path].map(std::fs::read);
        let kept = kept.expect("the file is there");
        assert_eq!(Digest::sha256(&kept), world.fixture.disk.digest);
        assert!(source.is_ok_and(|source| source == kept));
    }
    assert!(
        listed(&provider, ResourceKind::Disk, first.as_str())
            .await
            .is_some()
    );
}

pub(super) async fn a_missing_file_is_refused_with_a_hint<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let mut source = world.fixture.disk.clone();
    source.digest = Digest::sha256(b"nothing has this digest");
    source.path.push("missing");
    let error = provider
        .import_disk(&source)
        .await
        .expect_err("there is no such file");
    assert!(
        matches!(error.remedy(), Remedy::Never | Remedy::Person),
        "{error:?}"
    );
    assert!(!error.hint().is_empty());
}

pub(super) async fn what_is_not_there_can_be_asked_for_and_deleted<
    P: Provider,
    F: AsyncFn() -> P,
>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let disk = "no-such-disk".parse().expect("this is a name");
    assert_eq!(
        provider.disk(&disk).await.expect("disks can be asked for"),
        None
    );
    provider
        .delete_disk(&disk)
        .await
        .expect("of one that is gone: done");
    provider
        .delete_image(&"no-such-image".parse().expect("this is a name"))
        .await
        .expect("of one that is gone: done");
    let machine = "no-such-machine".parse().expect("this is a name");
    provider
        .destroy(&machine)
        .await
        .expect("of one that is gone: done");
    assert_eq!(
        provider
            .machine(&machine)
            .await
            .expect("machines can be asked for"),
        MachineState::Gone
    );
    let error = provider
        .checkpoint(&machine, &world.stage())
        .await
        .expect_err("there is no such machine");
    assert_eq!(error.remedy(), Remedy::Never);
}

pub(super) async fn a_checkpoint_is_kept_and_the_machine_goes_on<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let base = world.disk(&provider).await;
    let machine = provider
        .launch(&world.spec(base.clone()))
        .await
        .expect("a machine can be launched");
    let (first_stage, second_stage) = (world.stage(), world.stage());
    let first = provider
        .checkpoint(&machine.id, &first_stage)
        .await
        .expect("a running machine has checkpoints");
    assert_eq!(
        provider
            .checkpoint(&machine.id, &first_stage)
            .await
            .expect("again is the same"),
        first
    );
    // Another process goes on where the first one was.
    let provider = world.open().await;
    assert_eq!(
        provider.machine(&machine.id).await.expect("it has a state"),
        MachineState::Running { ssh: machine.ssh }
    );
    let second = provider
        .checkpoint(&machine.id, &second_stage)
        .await
        .expect("and the next one");
    assert_ne!(first, second);

    for (id, parent, stage) in [
        (&first, &base, &first_stage),
        (&second, &first, &second_stage),
    ] {
        let disk = provider
            .disk(id)
            .await
            .expect("disks can be asked for")
            .expect("it is there");
        assert_eq!(disk.parent.as_ref(), Some(parent));
        let resource = listed(&provider, ResourceKind::Disk, id.as_str())
            .await
            .expect("it is listed");
        assert_eq!(resource.tags[Tags::STAGE], stage.to_string());
    }
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
    assert!(
        provider
            .disk(&second)
            .await
            .expect("disks can be asked for")
            .is_some(),
        "what was kept stays"
    );

    // A machine starts from what was kept.
    let machine = provider
        .launch(&world.spec(second.clone()))
        .await
        .expect("from a stage too");
    let third = provider
        .checkpoint(&machine.id, &world.stage())
        .await
        .expect("a third one");
    let disk = provider
        .disk(&third)
        .await
        .expect("disks can be asked for")
        .expect("it is there");
    assert_eq!(disk.parent, Some(second.clone()));
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
    for id in [third, second, first] {
        provider
            .delete_disk(&id)
            .await
            .expect("nothing stands on it");
        assert_eq!(
            provider.disk(&id).await.expect("disks can be asked for"),
            None
        );
    }
}

pub(super) async fn a_disk_in_use_is_not_deleted<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let base = world.disk(&provider).await;
    let machine = provider
        .launch(&world.spec(base.clone()))
        .await
        .expect("a machine can be launched");
    let stage = provider
        .checkpoint(&machine.id, &world.stage())
        .await
        .expect("a checkpoint");
    for id in [&base, &stage] {
        let error = provider
            .delete_disk(id)
            .await
            .expect_err("the machine stands on it");
        assert_eq!(error.remedy(), Remedy::Never);
    }
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
    let error = provider
        .delete_disk(&base)
        .await
        .expect_err("the stage stands on it");
    assert!(error.to_string().contains(stage.as_str()), "{error}");
    provider
        .delete_disk(&stage)
        .await
        .expect("nothing stands on it");
}
