//! Machines: launched once, found again, ended for good.

use crate::contract::world::{GRACE, World, listed};
use crate::error::Remedy;
use crate::machine::MachineState;
use crate::provider::Provider;
use crate::resource::ResourceKind;
use crate::tags::Tags;

pub(super) async fn launching_twice_gives_one_machine<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let spec = world.spec(world.disk(&provider).await);
    let first = provider
        .launch(&spec)
        .await
        .expect("a machine can be launched");
    let second = provider
        .launch(&spec)
        .await
        .expect("the same launch is no error");
    assert_eq!(first, second);
    assert!(
        first.ssh.ip().is_loopback(),
        "SSH answers on {}, where others could try it",
        first.ssh
    );
    assert_eq!(
        provider.machine(&first.id).await.expect("it has a state"),
        MachineState::Running { ssh: first.ssh }
    );

    let mut other = world.spec(spec.disk.clone());
    other.tags = spec.tags.clone();
    other.cpus = 2;
    let error = provider
        .launch(&other)
        .await
        .expect_err("another machine under the same tags");
    assert_eq!(error.remedy(), Remedy::Never);
    assert!(!error.hint().is_empty());
    provider
        .destroy(&first.id)
        .await
        .expect("it can be destroyed");
}

pub(super) async fn another_process_finds_the_machine<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let spec = world.spec(world.disk(&provider).await);
    let machine = provider
        .launch(&spec)
        .await
        .expect("a machine can be launched");
    drop(provider);

    let provider = world.open().await;
    assert_eq!(
        provider.machine(&machine.id).await.expect("it has a state"),
        MachineState::Running { ssh: machine.ssh }
    );
    let resource = listed(&provider, ResourceKind::Machine, machine.id.as_str())
        .await
        .expect("it is listed");
    assert_eq!(resource.tags, spec.tags.to_map());
    assert_eq!(resource.tags[Tags::BUILD], spec.tags.build.to_string());
    assert_eq!(
        provider
            .launch(&spec)
            .await
            .expect("it is the same machine"),
        machine
    );
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
}

pub(super) async fn a_machine_that_cannot_be_is_refused<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let disk = world.disk(&provider).await;
    let mut broken = Vec::new();
    broken.push(world.spec("no-such-disk".parse().expect("this is a name")));
    let mut spec = world.spec(disk.clone());
    spec.cpus = 0;
    broken.push(spec);
    let mut spec = world.spec(disk.clone());
    spec.disk_size_bytes = 1;
    broken.push(spec);
    let mut spec = world.spec(disk.clone());
    spec.media.push(world.fixture.media.clone());
    broken.push(spec);
    let mut spec = world.spec(disk);
    spec.tags.purpose = "../up".to_owned();
    broken.push(spec);
    for spec in broken {
        let error = provider.launch(&spec).await.expect_err("it cannot be");
        assert_eq!(error.remedy(), Remedy::Never, "{error}");
        assert!(!error.hint().is_empty());
        if let Ok(id) = spec.tags.machine_id() {
            assert_eq!(
                provider.machine(&id).await.expect("it has a state"),
                MachineState::Gone
            );
        }
    }
}

pub(super) async fn shutting_down_twice_is_shutting_down<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let spec = world.spec(world.disk(&provider).await);
    let machine = provider
        .launch(&spec)
        .await
        .expect("a machine can be launched");
    let mut answers = Vec::new();
    for _ in 0..2 {
        let ended = provider.shutdown(&machine.id, GRACE).await;
        answers.push(ended.expect("it ends, whether its guest listens or not"));
        let state = provider.machine(&machine.id).await.expect("it has a state");
        assert_eq!(
            state,
            MachineState::Stopped { why: None },
            "its end was asked for"
        );
    }
    assert_eq!(answers[0], answers[1], "the second call repeats the answer");
    assert!(
        provider
            .console(&machine.id, 1024)
            .await
            .expect("its console is kept")
            .len()
            <= 1024
    );
    let again = provider
        .launch(&spec)
        .await
        .expect("a stopped machine can be started again");
    assert_eq!(again.id, machine.id);
    assert_eq!(
        provider.machine(&again.id).await.expect("it has a state"),
        MachineState::Running { ssh: again.ssh }
    );
    provider
        .destroy(&machine.id)
        .await
        .expect("it can be destroyed");
    let error = provider
        .shutdown(&machine.id, GRACE)
        .await
        .expect_err("it is gone");
    assert_eq!(error.remedy(), Remedy::Never);
}

pub(super) async fn destroying_twice_is_destroying<P: Provider, F: AsyncFn() -> P>(
    world: &World<P, F>,
) {
    let provider = world.open().await;
    let spec = world.spec(world.disk(&provider).await);
    let machine = provider
        .launch(&spec)
        .await
        .expect("a machine can be launched");
    for _ in 0..2 {
        provider
            .destroy(&machine.id)
            .await
            .expect("of one that is gone: done");
        assert_eq!(
            provider.machine(&machine.id).await.expect("it has a state"),
            MachineState::Gone
        );
        assert_eq!(
            listed(&provider, ResourceKind::Machine, machine.id.as_str()).await,
            None
        );
    }
}
