//! What a process that was killed leaves behind is found, finished or removed by the next one.

use imagebuilder_provider::{MachineState, Provider as _, ResourceKind};
use serde_json::{Value, json};

use crate::host;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_not_written_down_is_found() {
    let host = host::Data::new();
    let provider = host.open().await;
    let spec = host::spec("unrecorded", host::import(&host, &provider).await);
    let machine = provider.launch(&spec).await.unwrap();
    let before = host::edit_record(&host, &machine.id, |record| record["process"] = Value::Null);
    let pid = before["process"]["pid"].as_u64().unwrap();

    let provider = host.open().await;
    assert_eq!(
        provider.machine(&machine.id).await.unwrap(),
        MachineState::Running { ssh: machine.ssh }
    );
    assert_eq!(
        provider.launch(&spec).await.unwrap(),
        machine,
        "no second one is started"
    );
    provider.destroy(&machine.id).await.unwrap();
    assert!(!host::lives(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_folder_is_found_and_ended() {
    let host = host::Data::new();
    let provider = host.open().await;
    let spec = host::spec("no-folder", host::import(&host, &provider).await);
    let machine = provider.launch(&spec).await.unwrap();
    let record = host::edit_record(&host, &machine.id, |_| ());
    std::fs::remove_dir_all(host.data().join("machines").join(machine.id.as_str())).unwrap();

    let provider = host.open().await;
    assert!(
        host::names(&provider)
            .await
            .contains(&(ResourceKind::Machine, machine.id.to_string()))
    );
    provider.destroy(&machine.id).await.unwrap();
    assert!(!host::lives(record["process"]["pid"].as_u64().unwrap()));
    // Its overlay has no owner now, and can be deleted as a disk.
    let overlay = record["overlays"][0].as_str().unwrap();
    assert!(
        host::names(&provider)
            .await
            .contains(&(ResourceKind::Disk, overlay.to_owned()))
    );
    provider
        .delete_disk(&overlay.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        host::names(&provider).await.len(),
        1,
        "the base alone is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_does_not_keep_a_machine_alive() {
    let host = host::Data::new();
    let provider = host.open().await;
    let spec = host::spec("damaged", host::import(&host, &provider).await);
    let machine = provider.launch(&spec).await.unwrap();
    let folder = host.data().join("machines").join(machine.id.as_str());
    let record = host::edit_record(&host, &machine.id, |_| ());
    std::fs::write(folder.join("machine.json"), b"{ \"schemaVersion\": 1, ").unwrap();

    let provider = host.open().await;
    let error = provider.machine(&machine.id).await.unwrap_err();
    assert!(
        error.to_string().contains("machine.json") && !error.hint().is_empty(),
        "{error}"
    );
    assert!(
        host::names(&provider)
            .await
            .contains(&(ResourceKind::Machine, machine.id.to_string()))
    );
    provider.destroy(&machine.id).await.unwrap();
    assert!(!host::lives(record["process"]["pid"].as_u64().unwrap()) && !folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pid_that_belongs_to_somebody_else_is_left_alone() {
    let host = host::Data::new();
    let provider = host.open().await;
    let spec = host::spec("other-pid", host::import(&host, &provider).await);
    let machine = provider.launch(&spec).await.unwrap();
    provider
        .shutdown(&machine.id, std::time::Duration::ZERO)
        .await
        .unwrap();

    let mut stranger = tokio::process::Command::new("sleep")
        .arg("600")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = u64::from(stranger.id().unwrap());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start: u64 = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(19)
        .unwrap()
        .parse()
        .unwrap();
    host::edit_record(&host, &machine.id, |record| {
        record["process"] = json!({ "pid": pid, "startTicks": start });
    });

    assert_eq!(
        provider.machine(&machine.id).await.unwrap(),
        MachineState::Stopped { why: None }
    );
    provider.destroy(&machine.id).await.unwrap();
    assert!(host::lives(pid), "a process that is not ours was ended");
    stranger.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_killed_is_stopped_and_starts_again_where_it_was() {
    let host = host::Data::new();
    let provider = host.open().await;
    let spec = host::spec("killed", host::import(&host, &provider).await);
    let machine = provider.launch(&spec).await.unwrap();
    let stage = provider
        .checkpoint(&machine.id, &"a".repeat(64).parse().unwrap())
        .await
        .unwrap();
    let before = host::edit_record(&host, &machine.id, |_| ());
    let pid = i32::try_from(before["process"]["pid"].as_u64().unwrap()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    while host::lives(pid.unsigned_abs().into()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    assert!(matches!(
        provider.machine(&machine.id).await.unwrap(),
        MachineState::Stopped { .. }
    ));
    let again = provider.launch(&spec).await.unwrap();
    assert_eq!(again.id, machine.id);
    let after = host::edit_record(&host, &machine.id, |_| ());
    assert_eq!(
        after["overlays"], before["overlays"],
        "it goes on with the disk that it had"
    );
    assert_eq!(
        provider
            .checkpoint(&machine.id, &"a".repeat(64).parse().unwrap())
            .await
            .unwrap(),
        stage
    );
    let next = provider
        .checkpoint(&machine.id, &"b".repeat(64).parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        provider.disk(&next).await.unwrap().unwrap().parent,
        Some(stage)
    );
    provider.destroy(&machine.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_begun_is_finished() {
    let stage = "c".repeat(64);
    // After each of the writes that a checkpoint makes before QEMU is asked.
    for begun in 1..=2 {
        let host = host::Data::new();
        let provider = host.open().await;
        let base = host::import(&host, &provider).await;
        let machine = provider
            .launch(&host::spec("begun", base.clone()))
            .await
            .unwrap();
        let new = "disk-01a1fdf69ca772fd98d13bf8e2282e8c";
        let before = host::edit_record(&host, &machine.id, |record| {
            let current = record["overlays"][0].clone();
            record["checkpoints"][&stage] = current;
            if begun == 2 {
                record["overlays"].as_array_mut().unwrap().push(new.into());
            }
        });

        let provider = host.open().await;
        let disk = provider
            .checkpoint(&machine.id, &stage.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(disk.as_str(), before["overlays"][0].as_str().unwrap());
        assert_eq!(
            provider.disk(&disk).await.unwrap().unwrap().parent,
            Some(base)
        );
        let after = host::edit_record(&host, &machine.id, |_| ());
        assert_eq!(after["overlays"].as_array().unwrap().len(), 2);
        provider
            .shutdown(&machine.id, std::time::Duration::ZERO)
            .await
            .unwrap();
        let top = after["overlays"][1].as_str().unwrap();
        let top = host.data().join("disks").join(format!("{top}.qcow2"));
        let info = host::qemu_img(&["info", "--output=json", &top.to_string_lossy()]);
        assert!(
            info.contains(&format!("{disk}.qcow2")),
            "the machine writes above what was kept: {info}"
        );
        provider.destroy(&machine.id).await.unwrap();
    }
}
