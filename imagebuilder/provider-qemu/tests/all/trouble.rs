//! A host that is not as it should be: each trouble has its remedy, and leaves nothing.

use std::path::PathBuf;
use std::process::Command;

use imagebuilder_provider::{CaptureSpec, MachineState, Provider as _, ProviderError, Remedy};
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};

use crate::host;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_missing_is_named() {
    let host = host::Data::new();
    let open = async |change: fn(&mut QemuConfig)| {
        let mut config = QemuConfig::new(host.data());
        change(&mut config);
        QemuProvider::open(config).await.unwrap()
    };
    let missing = |error: ProviderError, program: &str| {
        assert_eq!(error.remedy(), Remedy::Person, "{error:?}");
        assert!(
            error.to_string().contains(program) && error.hint().contains("install it"),
            "{error}"
        );
    };
    let source = host::empty_disk(host.folder());
    let provider = open(|config| config.qemu_img = "/missing/qemu-img".into()).await;
    missing(
        provider.import_disk(&source).await.unwrap_err(),
        "/missing/qemu-img",
    );

    let provider = open(|config| config.qemu = "/missing/qemu".into()).await;
    let disk = provider.import_disk(&source).await.unwrap();
    let spec = host::spec("missing", disk);
    missing(provider.launch(&spec).await.unwrap_err(), "/missing/qemu");
    let provider = open(|config| config.xorriso = "/missing/xorriso".into()).await;
    provider
        .destroy(&spec.tags.machine_id().unwrap())
        .await
        .unwrap();
    missing(
        provider.launch(&spec).await.unwrap_err(),
        "/missing/xorriso",
    );

    // Once it is installed, the same call works.
    let provider = host.open().await;
    let machine = provider.launch(&spec).await.unwrap();
    provider.destroy(&machine.id).await.unwrap();
    assert_eq!(
        host::names(&provider).await.len(),
        1,
        "the disk alone is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_took_is_not_asked_for_again() {
    let host = host::Data::new();
    let mut config = QemuConfig::new(host.data());
    // As QEMU says it, the first time.
    let first = host.folder().join("first");
    let lines = format!(
        "if [ ! -e {0} ]; then touch {0}; echo \"Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'\" >&2; exit 1; fi\nexec qemu-system-x86_64 \"$@\"",
        first.display()
    );
    config.qemu = host::script(host.folder(), "unlucky-qemu", &lines);
    let provider = QemuProvider::open(config).await.unwrap();
    let disk = host::import(&host, &provider).await;
    let machine = provider.launch(&host::spec("port", disk)).await.unwrap();
    assert_eq!(
        provider.machine(&machine.id).await.unwrap(),
        MachineState::Running { ssh: machine.ssh }
    );
    provider.destroy(&machine.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_qemu_said_at_its_end_is_told() {
    for (said, remedy) in [
        (
            "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
            Remedy::Wait,
        ),
        (
            "Could not access KVM kernel module: Permission denied",
            Remedy::Person,
        ),
        ("", Remedy::Retry),
    ] {
        let host = host::Data::new();
        let mut config = QemuConfig::new(host.data());
        config.qemu = host::script(
            host.folder(),
            "broken-qemu",
            &format!("echo \"{said}\" >&2\nexit 1"),
        );
        let provider = QemuProvider::open(config).await.unwrap();
        let disk = host::import(&host, &provider).await;
        let spec = host::spec("broken", disk);
        let error = provider.launch(&spec).await.unwrap_err();
        assert_eq!(error.remedy(), remedy, "{error:?}");
        let cause = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        assert_eq!(cause.trim(), said);
        assert!(matches!(
            provider
                .machine(&spec.tags.machine_id().unwrap())
                .await
                .unwrap(),
            MachineState::Stopped { .. }
        ));
    }
}

/// A small file system, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&folder);
        command
            .output()
            .is_ok_and(|output| output.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for_and_left_as_it_was() {
    let host = host::Data::new();
    let Some(_small) = SmallDisk::mount(host.data(), "6m") else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let provider = host.open().await;
    let disk = host::import(&host, &provider).await;
    let spec = host::spec("full", disk.clone());
    let machine = provider.launch(&spec).await.unwrap();
    provider
        .shutdown(&machine.id, std::time::Duration::ZERO)
        .await
        .unwrap();
    let filler = host.data().join("filler");
    drop(std::fs::write(&filler, vec![1; 6 << 20]));

    let full = |error: ProviderError| {
        assert_eq!(error.remedy(), Remedy::Wait, "{error:?}");
        assert!(error.hint().contains("room"), "{}", error.hint());
    };
    let capture = CaptureSpec {
        name: "full".parse().unwrap(),
        tags: Default::default(),
    };
    full(
        provider
            .capture(&machine.id, &capture, &|_| ())
            .await
            .unwrap_err(),
    );
    full(
        provider
            .launch(&host::spec("other", disk))
            .await
            .unwrap_err(),
    );
    std::fs::remove_file(&filler).unwrap();
    provider
        .capture(&machine.id, &capture, &|_| ())
        .await
        .unwrap();
    provider.destroy(&machine.id).await.unwrap();
}
