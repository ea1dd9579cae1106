//! A real machine: it boots, is reached by the key it was given, keeps what a
//! checkpoint kept, powers off when asked, and its image boots again.

use std::time::{Duration, Instant};

use imagebuilder_provider::{
    CaptureSpec, DEADLINE_UNIT, DiskFormat, DiskId, DiskSource, Ended, Machine, MachineSpec,
    MachineState, Media, Network, Provider, Tags,
};
use imagebuilder_provider_qemu::QemuProvider;
use jiff::{SignedDuration, Timestamp};
use registry_pack::Digest;

use crate::guest::{self, Guest};
use crate::host;

const DISK_BYTES: u64 = 10 << 30;

fn spec(purpose: &str, disk: DiskId, guest: &Guest, media: Vec<Media>) -> MachineSpec {
    MachineSpec {
        tags: Tags {
            build: "boot-test".parse().unwrap(),
            purpose: purpose.to_owned(),
            attempt: 1,
            deadline: Timestamp::now() + SignedDuration::from_hours(1),
        },
        disk,
        cpus: 2,
        memory_bytes: 1024 << 20,
        disk_size_bytes: DISK_BYTES,
        seed: guest.seed(),
        media,
        network: Network::Offline,
    }
}

async fn power_off(provider: &QemuProvider, id: &imagebuilder_provider::MachineId) {
    let start = Instant::now();
    let ended = provider.shutdown(id, Duration::from_secs(180)).await;
    assert_eq!(ended.unwrap(), Ended::ByGuest);
    println!("powered off in {:.1} s", start.elapsed().as_secs_f64());
    assert!(
        start.elapsed() < Duration::from_secs(180),
        "the guest did not listen to the power button"
    );
    assert_eq!(
        provider.machine(id).await.unwrap(),
        MachineState::Stopped { why: None }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_boots_and_so_does_its_image() {
    let Some(base) = guest::base_image() else {
        println!("skipped: there is no base image; ci/setup makes one");
        return;
    };
    let host = host::Data::new();
    let provider = host.open().await;
    let digest = Digest::sha256(&std::fs::read(&base).unwrap());
    let source = DiskSource {
        digest,
        path: base,
        format: DiskFormat::Qcow2,
        parent: None,
    };
    let disk = provider.import_disk(&source).await.unwrap();

    let first = Guest::new(host.folder(), "first").await;
    let media = Media {
        label: "PACKYARD".parse().unwrap(),
        dir: host::media_folder(host.folder()),
    };
    let machine = provider
        .launch(&spec("build", disk, &first, vec![media]))
        .await
        .unwrap();
    println!(
        "booted in {:.1} s",
        first.wait(machine.ssh).await.as_secs_f64()
    );

    let mount = "sudo mkdir -p /run/packyard/media && sudo mount -r -L PACKYARD /run/packyard/media && cat /run/packyard/media/components/kubelet";
    assert_eq!(first.run(machine.ssh, mount).await, "not really");
    let outside = "timeout 5 bash -c 'exec 3<>/dev/tcp/10.0.2.2/22' 2>/dev/null && echo reached || echo closed";
    assert_eq!(
        first.run(machine.ssh, outside).await,
        "closed",
        "an offline machine reaches the host"
    );

    first
        .run(
            machine.ssh,
            "echo one | sudo tee /root/one >/dev/null && sync",
        )
        .await;
    let start = Instant::now();
    let stage = provider
        .checkpoint(&machine.id, &"1".repeat(64).parse().unwrap())
        .await
        .unwrap();
    println!("checkpoint in {:.3} s", start.elapsed().as_secs_f64());
    first
        .run(
            machine.ssh,
            "echo two | sudo tee /root/two >/dev/null && sync",
        )
        .await;
    let stage_file = provider.disk(&stage).await.unwrap().unwrap().path.unwrap();
    host::qemu_img(&["check", "-q", &stage_file.to_string_lossy()]);
    power_off(&provider, &machine.id).await;
    let console = provider.console(&machine.id, 1 << 20).await.unwrap();
    assert!(!console.is_empty(), "the console was not kept");

    let capture = CaptureSpec {
        name: "boot-test".parse().unwrap(),
        tags: Default::default(),
    };
    let start = Instant::now();
    let image = provider
        .capture(&machine.id, &capture, &|_| ())
        .await
        .unwrap();
    println!(
        "captured {} MB in {:.1} s",
        image.size_bytes >> 20,
        start.elapsed().as_secs_f64()
    );
    provider.destroy(&machine.id).await.unwrap();

    let path = image.path.unwrap();
    let digest = Digest::sha256(&std::fs::read(&path).unwrap());
    let source = DiskSource {
        digest,
        path,
        format: DiskFormat::Qcow2,
        parent: None,
    };
    let disk = provider.import_disk(&source).await.unwrap();
    let second = Guest::new(host.folder(), "second").await;
    let machine = provider
        .launch(&spec("verify", disk, &second, Vec::new()))
        .await
        .unwrap();
    println!(
        "image booted in {:.1} s",
        second.wait(machine.ssh).await.as_secs_f64()
    );
    assert_eq!(
        second
            .run(machine.ssh, "hostname; sudo cat /root/one /root/two")
            .await,
        "second\none\ntwo"
    );
    assert_eq!(
        first.try_run(machine.ssh, "true").await,
        None,
        "the first machine's keys must not fit"
    );
    switches_itself_off(&provider, &machine, &second).await;
    provider.destroy(&machine.id).await.unwrap();
}

/// The timer runs since the boot, whatever the clock says; when its time has come, the guest
/// switches off in good order.
async fn switches_itself_off(provider: &QemuProvider, machine: &Machine, guest: &Guest) {
    let waits = async || {
        let timer = format!("systemctl show {DEADLINE_UNIT}");
        let told = guest.run(machine.ssh, &timer).await;
        for line in ["ActiveState=active", "NextElapseUSecMonotonic=1h"] {
            assert!(
                told.lines().any(|one| one == line),
                "{line} is not in {told}"
            );
        }
    };
    waits().await;
    let nine_years = "sudo date -s '+9 years' >/dev/null && sleep 2";
    guest.run(machine.ssh, nine_years).await;
    waits().await;
    let come = format!(
        "sudo sed -i 's/^OnBootSec=.*/OnBootSec=1/' /run/systemd/system/{DEADLINE_UNIT} && \
         sudo systemctl daemon-reload && sudo systemctl restart {DEADLINE_UNIT}"
    );
    // The connection may go before the answer comes.
    drop(guest.try_run(machine.ssh, &come).await);
    let start = Instant::now();
    while let MachineState::Running { .. } = provider.machine(&machine.id).await.unwrap() {
        assert!(
            start.elapsed() < Duration::from_secs(180),
            "the guest outlived its deadline"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("off in {:.1} s", start.elapsed().as_secs_f64());
}
