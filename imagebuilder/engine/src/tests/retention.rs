//! Logs and events go by rule; the record of the build stays.

use std::time::Duration;

use crate::config::KeepLogs;
use crate::logs;
use crate::testing::World;
use crate::transient;

async fn two_builds(world: &mut World) -> [String; 2] {
    world.start();
    let first = world.ask().await.unwrap();
    world.ended(&first).await;
    world
        .publish_pack(
            "addon-demo",
            "addon",
            "false",
            &[("last_role", "echo other")],
        )
        .await;
    let second = world.ask().await.unwrap();
    world.ended(&second).await;
    world.stop().await;
    [first, second]
}

async fn events(world: &World, build: &str) -> usize {
    world
        .engine
        .events(build, 0, 2000)
        .await
        .unwrap()
        .events
        .len()
}

#[tokio::test]
async fn of_many_builds_the_last_ones_are_kept() {
    let mut world = World::new().await;
    let [first, second] = two_builds(&mut world).await;
    let builds = |builds| KeepLogs {
        builds,
        ..KeepLogs::default()
    };
    world.reconfigure(|config| config.logs = builds(2)).await;
    assert!(
        logs::forget_old(&world.engine.shop)
            .await
            .unwrap()
            .is_empty()
    );
    world.reconfigure(|config| config.logs = builds(1)).await;
    assert_eq!(
        logs::forget_old(&world.engine.shop).await.unwrap(),
        std::slice::from_ref(&first)
    );
    let folder = world.engine.shop.config.builds();
    assert!(!folder.join(&first).exists() && folder.join(&second).exists());
    assert_eq!(events(&world, &first).await, 0);
    assert!(events(&world, &second).await > 10);
    assert!(world.engine.build(&first).await.is_ok(), "the record stays");
    assert!(
        world.engine.logs(&first).await.is_ok(),
        "and is all that the zip has"
    );
}

#[tokio::test]
async fn old_logs_go_and_those_of_a_build_that_has_not_ended_stay() {
    let mut world = World::new().await;
    let [first, second] = two_builds(&mut world).await;
    world.restart().await;
    world
        .publish_pack(
            "addon-demo",
            "addon",
            "false",
            &[("last_role", "echo third")],
        )
        .await;
    let waiting = world.ask().await.unwrap();
    let folder = world.engine.shop.config.builds();
    std::fs::create_dir_all(folder.join(&waiting)).unwrap();
    world
        .reconfigure(|config| {
            config.logs = KeepLogs {
                age: Duration::ZERO,
                builds: 100,
            };
        })
        .await;
    let mut forgotten = logs::forget_old(&world.engine.shop).await.unwrap();
    forgotten.sort();
    assert_eq!(forgotten, [first, second]);
    assert!(folder.join(&waiting).exists());
}

#[tokio::test]
async fn keys_of_a_build_that_ended_elsewhere_go_and_those_of_a_waiting_one_stay() {
    let mut world = World::new().await;
    let [ended, _] = two_builds(&mut world).await;
    world.restart().await;
    world
        .publish_pack(
            "addon-demo",
            "addon",
            "false",
            &[("last_role", "echo third")],
        )
        .await;
    let waiting = world.ask().await.unwrap();
    let builds = world.engine.shop.config.builds();
    for build in [&ended, &waiting] {
        let keys = builds.join(build).join("keys-build");
        std::fs::create_dir_all(&keys).unwrap();
        std::fs::write(keys.join("user"), "a private key").unwrap();
        std::fs::write(builds.join(build).join("ssh-build"), "").unwrap();
    }
    let swept = transient::sweep(&world.engine.shop).await.unwrap();
    assert_eq!(swept, std::slice::from_ref(&ended));
    assert!(!builds.join(&ended).join("keys-build").exists());
    assert!(!builds.join(&ended).join("ssh-build").exists());
    assert!(builds.join(&ended).exists(), "its logs stay");
    assert!(builds.join(&waiting).join("keys-build/user").exists());
}
