//! Disk files that come from elsewhere, and paths that are awkward.

use imagebuilder_provider::{DiskFormat, DiskSource, Media, Provider as _, Remedy};
use imagebuilder_provider_qemu::{QemuConfig, QemuProvider};
use registry_pack::Digest;

use crate::host;

fn source(path: std::path::PathBuf, format: DiskFormat) -> DiskSource {
    let digest = Digest::sha256(&std::fs::read(&path).unwrap());
    DiskSource {
        digest,
        path,
        format,
        parent: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_leads_elsewhere_or_nowhere_is_refused() {
    let host = host::Data::new();
    let provider = host.open().await;
    let file = |name: &str| host.folder().join(name);
    let text = |name: &str| file(name).to_string_lossy().into_owned();
    host::empty_disk(host.folder());
    std::fs::write(file("secret"), vec![7; 1 << 20]).unwrap();
    host::qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        &text("secret"),
        "-F",
        "raw",
        &text("backed.qcow2"),
    ]);
    let data_file = format!("data_file={},data_file_raw=on", text("outside.raw"));
    host::qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        &data_file,
        &text("data.qcow2"),
        "1M",
    ]);
    std::fs::write(file("garbage.qcow2"), b"this is no disk").unwrap();
    let mut damaged = std::fs::read(file("empty.qcow2")).unwrap();
    // The first entry of the table of reference counts leads to a place that is not aligned.
    damaged[65536..65544].copy_from_slice(&[0, 0, 0, 0, 0, 1, 2, 3]);
    std::fs::write(file("damaged.qcow2"), damaged).unwrap();

    for (name, said) in [
        ("backed.qcow2", "only the difference to another file"),
        ("data.qcow2", "in another file of the host"),
        ("garbage.qcow2", "garbage.qcow2"),
        ("damaged.qcow2", "damaged"),
    ] {
        let error = provider
            .import_disk(&source(file(name), DiskFormat::Qcow2))
            .await
            .unwrap_err();
        assert_eq!(error.remedy(), Remedy::Never, "{name}: {error:?}");
        assert!(error.to_string().contains(said), "{name}: {error}");
        assert!(!error.hint().is_empty());
    }
    let left: Vec<_> = std::fs::read_dir(host.data().join("disks"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "what was refused leaves nothing: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_disk_is_a_base_too() {
    let host = host::Data::new();
    let provider = host.open().await;
    let path = host.folder().join("plain.raw");
    std::fs::write(&path, vec![0; 1 << 20]).unwrap();
    let disk = provider
        .import_disk(&source(path, DiskFormat::Raw))
        .await
        .unwrap();
    let machine = provider
        .launch(&host::spec("raw", disk.clone()))
        .await
        .unwrap();
    let stage = provider
        .checkpoint(&machine.id, &"d".repeat(64).parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        provider.disk(&stage).await.unwrap().unwrap().parent,
        Some(disk)
    );
    provider.destroy(&machine.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_from_another_host_is_put_on_its_parent_here() {
    let there = host::Data::new();
    let provider = there.open().await;
    let machine = provider
        .launch(&host::spec("there", host::import(&there, &provider).await))
        .await
        .unwrap();
    let stage = provider
        .checkpoint(&machine.id, &"e".repeat(64).parse().unwrap())
        .await
        .unwrap();
    let file = provider.disk(&stage).await.unwrap().unwrap().path.unwrap();
    let before = std::fs::read(&file).unwrap();

    let here = host::Data::new();
    let provider_here = here.open().await;
    let base = host::import(&here, &provider_here).await;
    let mut fetched = source(file.clone(), DiskFormat::Qcow2);
    fetched.parent = Some(base.clone());
    let disk = provider_here.import_disk(&fetched).await.unwrap();
    assert_eq!(provider_here.import_disk(&fetched).await.unwrap(), disk);
    assert_eq!(
        std::fs::read(&file).unwrap(),
        before,
        "the file that was given is not changed"
    );
    let imported = provider_here.disk(&disk).await.unwrap().unwrap();
    assert_eq!(imported.parent, Some(base.clone()));
    let info = host::qemu_img(&[
        "info",
        "--output=json",
        &imported.path.unwrap().to_string_lossy(),
    ]);
    assert!(
        info.contains(&format!("\"backing-filename\": \"{base}.qcow2\"")),
        "{info}"
    );
    let machine_here = provider_here
        .launch(&host::spec("here", disk))
        .await
        .unwrap();
    provider_here.destroy(&machine_here.id).await.unwrap();
    provider.destroy(&machine.id).await.unwrap();

    fetched.parent = Some("no-such-disk".parse().unwrap());
    assert_eq!(
        provider_here
            .import_disk(&fetched)
            .await
            .unwrap_err()
            .remedy(),
        Remedy::Never
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_path_will_do() {
    let host = host::Data::new();
    // Longer than a socket's path may be, and with all that QEMU's own syntax stumbles over.
    let data = host.data().join("a b,c=d:e").join("x".repeat(120));
    let provider = host::open(&data).await;
    let disk = host::import(&host, &provider).await;
    let mut spec = host::spec("awkward", disk);
    spec.media = vec![Media {
        label: "PACKYARD".parse().unwrap(),
        dir: host::media_folder(host.folder()),
    }];
    let machine = provider.launch(&spec).await.unwrap();
    let checkpoint = provider
        .checkpoint(&machine.id, &"f".repeat(64).parse().unwrap())
        .await;
    let shutdown = provider
        .shutdown(&machine.id, std::time::Duration::ZERO)
        .await;
    provider.destroy(&machine.id).await.unwrap();
    checkpoint.unwrap();
    shutdown.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_written_once() {
    let host = host::Data::new();
    let mut config = QemuConfig::new(host.data());
    let count = host.folder().join("count");
    let lines = format!("echo once >> {}\nexec xorriso \"$@\"", count.display());
    config.xorriso = host::script(host.folder(), "counting-xorriso", &lines);
    let provider = QemuProvider::open(config).await.unwrap();
    let disk = host::import(&host, &provider).await;
    let media = Media {
        label: "PACKYARD".parse().unwrap(),
        dir: host::media_folder(host.folder()),
    };
    for build in ["one", "two"] {
        let mut spec = host::spec(build, disk.clone());
        spec.media = vec![media.clone()];
        let machine = provider.launch(&spec).await.unwrap();
        provider.destroy(&machine.id).await.unwrap();
    }
    // Two seeds and one volume.
    assert_eq!(std::fs::read_to_string(&count).unwrap().lines().count(), 3);
}
