//! Whoever waits may stop waiting at any moment; the repeated call puts it right.

use std::time::Duration;

use imagebuilder_provider::{CaptureSpec, MachineState, Provider as _};

use crate::host;

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_can_be_given_up_anywhere() {
    let host = host::Data::new();
    let provider = host.open().await;
    let disk = host::import(&host, &provider).await;
    for millis in [0, 3, 10, 30, 60, 100, 200, 400] {
        let spec = host::spec(&format!("after-{millis}"), disk.clone());
        let launch = provider.launch(&spec);
        drop(tokio::time::timeout(Duration::from_millis(millis), launch).await);
        let machine = provider.launch(&spec).await.unwrap();
        assert_eq!(
            provider.machine(&machine.id).await.unwrap(),
            MachineState::Running { ssh: machine.ssh }
        );
        provider.destroy(&machine.id).await.unwrap();
        assert_eq!(
            host::names(&provider).await.len(),
            1,
            "the disk alone is left after {millis} ms"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_can_be_given_up_anywhere() {
    let host = host::Data::new();
    let provider = host.open().await;
    let machine = provider
        .launch(&host::spec(
            "given-up",
            host::import(&host, &provider).await,
        ))
        .await
        .unwrap();
    let mut parent = None;
    for (number, millis) in [0, 2, 5, 10, 20, 40, 80].into_iter().enumerate() {
        let stage = format!("{number:064x}").parse().unwrap();
        let checkpoint = provider.checkpoint(&machine.id, &stage);
        drop(tokio::time::timeout(Duration::from_millis(millis), checkpoint).await);
        let disk = provider.checkpoint(&machine.id, &stage).await.unwrap();
        let found = provider.disk(&disk).await.unwrap().unwrap();
        if parent.is_some() {
            assert_eq!(
                found.parent, parent,
                "no overlay is lost or doubled after {millis} ms"
            );
        }
        parent = Some(disk);
    }
    provider.destroy(&machine.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_is_given_up_leaves_nothing() {
    let host = host::Data::new();
    let provider = host.open().await;
    let mut spec = host::spec("capture", host::import(&host, &provider).await);
    spec.disk_size_bytes = 4 << 30;
    let machine = provider.launch(&spec).await.unwrap();
    provider
        .shutdown(&machine.id, Duration::ZERO)
        .await
        .unwrap();
    let capture = CaptureSpec {
        name: "given-up".parse().unwrap(),
        tags: Default::default(),
    };
    for millis in [0, 1, 5, 10] {
        let work = provider.capture(&machine.id, &capture, &|_| ());
        if tokio::time::timeout(Duration::from_millis(millis), work)
            .await
            .is_err()
        {
            let left: Vec<_> = std::fs::read_dir(host.data().join("images"))
                .unwrap()
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
    provider
        .capture(&machine.id, &capture, &|_| ())
        .await
        .unwrap();
    provider.destroy(&machine.id).await.unwrap();
}
