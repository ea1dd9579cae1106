//! A machine with an allow-list or a proxy: how it is launched, and what its plays are told.

use imagebuilder_api::{BuildState, EventType};
use imagebuilder_provider::Network;
use proxies::Proxies;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::reach::GUEST_ADDRESS;
use crate::testing::World;

/// The networks of the build machine and of the one that verifies the image, and what the first was told.
fn launched(world: &World) -> (Vec<Network>, String) {
    let all = world.provider.launched();
    let networks = all.iter().map(|one| one.network).collect();
    (networks, all[0].user_data.clone())
}

#[tokio::test]
async fn with_a_list_the_machine_is_closed_and_every_play_finds_the_proxy() {
    let mut world = World::with(|config| config.reach = Some(Vec::new())).await;
    world.start();
    let build = world.ask().await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    let (networks, told) = launched(&world);
    assert_eq!(networks, [Network::Offline, Network::Offline]);
    for wanted in [
        "01-packyard-build.conf",
        "95packyard-proxy",
        "set-environment",
        GUEST_ADDRESS,
    ] {
        assert!(told.contains(wanted), "{wanted} is not in {told}");
    }
    let second = world.provider.launched()[1].user_data.clone();
    assert!(
        !second.contains(GUEST_ADDRESS),
        "the image is looked at as it is: {second}"
    );
    let forwards = world.shell.forwards();
    let build_machine = forwards[0].as_ref().expect("a forward");
    assert_eq!(build_machine.from, GUEST_ADDRESS);
    assert!(forwards[1].is_none());
    let plays = world.ansible.plays();
    assert!(plays.len() > 3, "{plays:#?}");
    for play in plays.iter().flat_map(|run| run.as_array().unwrap()) {
        let environment = &play["environment"];
        for name in ["http_proxy", "HTTPS_PROXY"] {
            assert_eq!(
                environment[name],
                format!("http://{GUEST_ADDRESS}"),
                "{play:#}"
            );
        }
        assert!(
            environment["no_proxy"]
                .as_str()
                .unwrap()
                .contains("127.0.0.1")
        );
    }
    let closed = world.engine.build(&build).await.unwrap().signature;
    world.stop().await;

    let open = World::new().await;
    let build = open.ask().await.unwrap();
    let signature = open.engine.build(&build).await.unwrap().signature;
    assert_eq!(signature, closed, "the way out is no input of the image");
}

#[tokio::test]
async fn a_proxy_alone_closes_nothing() {
    let proxied = |config: &mut crate::EngineConfig| {
        config.proxies = Proxies::new("http://proxy.invalid:3128".parse().unwrap());
    };
    let mut world = World::with(proxied).await;
    world.start();
    let build = world.ask().await.unwrap();
    world.ended(&build).await;
    let (networks, told) = launched(&world);
    assert_eq!(networks, [Network::Nat, Network::Offline]);
    assert!(
        told.contains(GUEST_ADDRESS) && !told.contains("proxy.invalid"),
        "{told}"
    );
    world.stop().await;

    let mut world = World::new().await;
    world.start();
    let build = world.ask().await.unwrap();
    world.ended(&build).await;
    let (networks, told) = launched(&world);
    assert_eq!(networks, [Network::Nat, Network::Offline]);
    assert!(!told.contains(GUEST_ADDRESS), "{told}");
    assert!(
        world
            .ansible
            .plays()
            .iter()
            .all(|run| run[0]["environment"] == Value::Null)
    );
    world.stop().await;
}

#[tokio::test]
async fn what_is_refused_becomes_an_event_of_the_build() {
    let mut world = World::with(|config| config.reach = Some(Vec::new())).await;
    world.ansible.hang(Some("harden"));
    world.start();
    let build = world.ask().await.unwrap();
    world.until(&build, |_| world.ansible.hangs_as_told()).await;
    let socket = world.shell.forwards()[0].clone().expect("a forward").to;
    for _ in 0..2 {
        let mut guest = UnixStream::connect(&socket).await.unwrap();
        let ask = "GET http://evil.test/ HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n";
        guest.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        guest.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    world.ansible.hang(None);
    let mut told = Vec::new();
    for _ in 0..200 {
        let page = world.engine.events(&build, 0, 2000).await.unwrap();
        let warnings = page
            .events
            .into_iter()
            .filter(|event| event.kind == EventType::Warning);
        told = warnings
            .filter(|event| event.message.contains("evil.test"))
            .collect();
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].message.contains("builder.reach"), "{told:#?}");
    assert_eq!(told[0].data.as_ref().unwrap()["refused"], "evil.test:80");
    world.engine.cancel(&build).await.unwrap();
    world.ended(&build).await;
    assert!(!socket.exists(), "the proxy ends with its machine");
    world.stop().await;
}
