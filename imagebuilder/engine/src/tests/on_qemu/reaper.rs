//! The reaper on real QEMU: it takes no input, removes what nobody owns, and says what it left.

use imagebuilder_provider::{
    DiskFormat, DiskSource, HostKey, Machine, MachineSpec, MachineState, Network, Provider as _,
    Seed, Tags,
};
use jiff::{SignedDuration, Timestamp};
use registry_pack::Digest;

use super::{OnQemu, boot_disk, names};
use crate::reaper;

/// A machine of a build that the journal does not know.
async fn launch(host: &OnQemu, build: &str) -> Machine {
    let provider = &host.world.provider;
    let folder = host.world.folder();
    let digest = Digest::sha256(&boot_disk(folder));
    let source = DiskSource {
        digest,
        path: folder.join("boot.qcow2"),
        format: DiskFormat::Qcow2,
        parent: None,
    };
    let disk = provider.import_disk(&source).await.unwrap();
    let key = || "ssh-ed25519 AAAA somebody".to_owned();
    let spec = MachineSpec {
        tags: Tags {
            build: build.parse().unwrap(),
            purpose: "build".to_owned(),
            attempt: 1,
            deadline: Timestamp::now() + SignedDuration::from_hours(1),
        },
        disk,
        cpus: 1,
        memory_bytes: 64 << 20,
        disk_size_bytes: 1 << 30,
        seed: Seed {
            instance_id: build.to_owned(),
            hostname: build.to_owned(),
            user: "somebody".to_owned(),
            ssh_authorized_key: key(),
            ssh_host_key: HostKey {
                private: "none\n".to_owned(),
                public: key(),
            },
            extra: None,
        },
        media: Vec::new(),
        network: Network::Offline,
    };
    provider.launch(&spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_of_another_installation_and_files_of_strangers_stay() {
    // On one host, each with its own folder and its own journal.
    let (ours, theirs) = (OnQemu::new().await, OnQemu::new().await);
    launch(&ours, "nobodys-build").await;
    let their_machine = launch(&theirs, "nobodys-build").await;
    let strange = [
        "machines/What is this",
        "disks/My backup.qcow2",
        "disks/notes.txt",
        "images/My backup.qcow2",
    ];
    for file in strange {
        std::fs::write(ours.data.join(file), b"precious").unwrap();
    }

    let report = reaper::reap(&ours.world.engine.shop).await.unwrap();

    let removed = |what: &str| report.removed.iter().any(|one| one == what);
    assert!(removed("Machine nobodys-build.build.1"), "{report:?}");
    let kinds = report.removed.iter().map(|one| one.split(' ').next());
    assert!(kinds.eq([Some("Machine"), Some("Disk")]), "{report:?}");
    for (what, why) in [
        ("Machine What is this", "BadResource"),
        ("Disk My backup", "BadResource"),
        ("Image My backup", "BadResource"),
    ] {
        let told = report.left.iter().find(|left| left.what == what);
        let told = told.unwrap_or_else(|| panic!("{what} is not in {report:?}"));
        assert!(told.why.starts_with(why), "{told}");
    }
    for file in strange {
        let kept = std::fs::read(ours.data.join(file)).unwrap();
        assert_eq!(kept, b"precious", "{file}");
    }
    assert_eq!(names(&ours.data.join("machines")), ["What is this"]);

    let state = theirs.world.provider.machine(&their_machine.id).await;
    assert!(
        matches!(state, Ok(MachineState::Running { .. })),
        "{state:?}"
    );
    let again = reaper::reap(&ours.world.engine.shop).await.unwrap();
    assert_eq!(again.removed, Vec::<String>::new());
    assert_eq!(again.left, report.left, "told each time");
    // Whose it is, is theirs to judge.
    let report = reaper::reap(&theirs.world.engine.shop).await.unwrap();
    assert_eq!(report.removed.len(), 2, "{report:?}");
}
