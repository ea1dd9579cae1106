//! What a user gets for input that is wrong: a clear error, the right exit code, nothing lost.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::binary::{command, run, workspace};
use e2e::server::Server;
use e2e::{fixtures, processes};
use flate2::{Compression, write::GzEncoder};

#[test]
fn a_malformed_pack_json_is_told_by_line_and_column() -> Result<()> {
    let temp = tempfile::tempdir()?;
    for (text, place) in [
        ("{\n  \"name\": \"x\",\n}\n", "3:1"),
        ("{\n  \"name\": \"x\"\n  \"version\": \"1\"\n}\n", "3:3"),
        ("{\n  \"name\": \"x\"", "2:13"),
    ] {
        let pack = pack_with(temp.path(), text)?;
        run(["pack", "lint", &pack])?.refused(5, &["pack.json", place])?;
    }
    Ok(())
}

#[test]
fn an_unknown_layer_names_the_key_and_the_layers_there_are() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let text = "{\n  \"name\": \"x\",\n  \"displayName\": \"X\",\n  \"version\": \"1.0.0\",\n  \"layer\": \"operating-system\"\n}\n";
    let pack = pack_with(temp.path(), text)?;
    run(["pack", "lint", &pack])?
        .refused(5, &["pack.json:5", "layer", "operating-system", "addon"])?;
    Ok(())
}

#[test]
fn a_folder_that_lies_about_its_name_is_told_and_the_pack_keeps_its_own() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let folder = temp.path().join("another-name-9.9.9");
    fixtures::copy_folder(&workspace().join("packs/os/byo"), &folder)?;
    let lint = run(["pack", "lint", folder.to_str().context("UTF-8")?])?;
    ensure!(
        format!("{}{}", lint.stdout, lint.stderr).contains("another-name-9.9.9"),
        "{lint:?}"
    );
    let server = Server::start(&temp.path().join("data"), &[])?;
    server
        .run(&["pack", "push", folder.to_str().context("UTF-8")?])?
        .ok()?;
    ensure!(server.json(&["pack", "ls"])?["packs"][0]["name"] == "byo");
    Ok(())
}

#[test]
fn a_role_or_chart_named_but_missing_is_told() -> Result<()> {
    let temp = tempfile::tempdir()?;
    for (key, value) in [
        ("ansibleRoles", "no_such_role"),
        ("charts", "charts/no-such-chart.tgz"),
    ] {
        let text = format!(
            "{{\n  \"name\": \"x\",\n  \"displayName\": \"X\",\n  \"version\": \"1.0.0\",\n  \"layer\": \"addon\",\n  \"{key}\": [\"{value}\"]\n}}\n"
        );
        let pack = pack_with(temp.path(), &text)?;
        run(["pack", "lint", &pack])?.refused(5, &["pack.json:6", value])?;
    }
    Ok(())
}

#[test]
fn a_hostile_archive_is_refused_and_writes_nothing() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    for (name, archive, word) in [
        ("parent", archive_with("x-1.0.0/../../escaped", 4)?, ".."),
        (
            "absolute",
            archive_with("/tmp/packyard-escaped", 4)?,
            "absolute",
        ),
        ("bomb", archive_with("x-1.0.0/zeros", 3 << 30)?, "limit"),
        (
            "cut",
            archive_with("x-1.0.0/pack.json", 9000)?[..40].to_vec(),
            "ends too early",
        ),
    ] {
        push_archive_by_oras(temp.path(), &server, name, &archive)?;
        let target = temp.path().join(format!("out-{name}"));
        let pulled = server.run(&[
            "pack",
            "pull",
            "library/x:1.0.0",
            "--output",
            target.to_str().context("UTF-8")?,
        ])?;
        ensure!(pulled.code == Some(1), "{name}: {pulled:?}");
        ensure!(
            pulled.stderr.contains(word),
            "{name}: {word:?} is not in {}",
            pulled.stderr
        );
        ensure!(!target.exists(), "{name} left {}", target.display());
        ensure!(
            !temp.path().join("escaped").exists() && !Path::new("/tmp/packyard-escaped").exists()
        );
        server.run(&["pack", "ls"])?.ok()?;
        ensure!(
            server.json(&["pack", "ls"])?["packs"]
                .as_array()
                .is_some_and(Vec::is_empty),
            "{name} is listed"
        );
        delete_tag(&server)?;
    }
    Ok(())
}

#[test]
fn a_profile_without_an_os_or_kubernetes_layer_is_refused() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("profile.yaml");
    std::fs::write(
        &file,
        "metadata:\n  name: empty\nspec:\n  version: 1.0.0\n  template:\n    type: cluster\n    cloudType: libvirt\n    packs:\n      - name: byo\n        layer: os\n        version: 1.0.0\n",
    )?;
    run(["profile", "lint", file.to_str().context("UTF-8")?])?.refused(5, &["layer k8s"])?;
    Ok(())
}

#[test]
fn a_component_with_the_wrong_checksum_is_named_with_both_sums() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let pack = temp.path().join("kubernetes");
    fixtures::copy_folder(&workspace().join("packs/kubernetes/1.34"), &pack)?;
    let components = temp.path().join("components");
    std::fs::create_dir(&components)?;
    std::fs::write(components.join("kubelet"), "not a kubelet")?;
    let ran = command()
        .args(["pack", "bundle"])
        .arg(&pack)
        .arg("--from")
        .arg(&components)
        .output()
        .context("run pack bundle")?;
    let sum = "sha256:"; // the sum of the file that is there, and the one that the pack names
    e2e::binary::Ran::from(ran).refused(1, &["kubelet", "checksum", sum])?;
    Ok(())
}

#[test]
fn a_base_image_with_another_digest_is_refused() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    let disk = temp.path().join("disk.qcow2");
    let made = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(&disk)
        .arg("16M")
        .status()?;
    ensure!(made.success());
    let digest = format!("sha256:{}", "0".repeat(64));
    server
        .run(&[
            "image",
            "import",
            disk.to_str().context("UTF-8")?,
            "library/images/base/x:1",
            "--digest",
            &digest,
        ])?
        .refused(1, &["digest", &digest])?;
    Ok(())
}

#[test]
fn a_port_in_use_and_a_folder_in_use_are_told_apart() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let data = temp.path().join("data");
    let server = Server::start(&data, &[])?;
    let second = |listen: &str, data: &Path| -> Result<e2e::binary::Ran> {
        Ok(command()
            .args(["serve", "--listen", listen, "--data"])
            .arg(data)
            .output()?
            .into())
    };
    second(server.host(), &temp.path().join("other"))?.refused(1, &[server.host(), "in use"])?;
    second("127.0.0.1:0", &data)?.refused(1, &[data.to_str().context("UTF-8")?, "another"])?;
    server
        .run(&["pack", "ls"])?
        .ok()
        .context("the first server goes on")?;
    Ok(())
}

#[test]
fn an_open_address_needs_authentication_and_tls() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let ran = command()
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(temp.path().join("data"))
        .output()?;
    e2e::binary::Ran::from(ran).refused(2, &["0.0.0.0", "--insecure"])?;
    Ok(())
}

#[test]
fn a_stopped_server_leaves_nothing_running_and_ends_with_zero() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let data = temp.path().join("data");
    let server = Server::start(&data, &[])?;
    ensure!(server.stop()? == Some(0));
    ensure!(
        processes::naming(&data).is_empty(),
        "{:?}",
        processes::naming(&data)
    );
    Ok(())
}

#[test]
fn what_is_not_there_ends_with_three_and_wrong_usage_with_two() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let server = Server::start(&temp.path().join("data"), &[])?;
    server
        .run(&["pack", "show", "library/nothing:1.0.0"])?
        .refused(3, &["nothing"])?;
    server
        .run(&["build", "show", "no-such-build"])?
        .refused(3, &["no-such-build"])?;
    server
        .run(&["pack", "no-such-verb"])?
        .refused(2, &["no-such-verb"])?;
    Ok(())
}

fn pack_with(temp: &Path, pack_json: &str) -> Result<String> {
    let folder = tempfile::Builder::new()
        .prefix("pack-")
        .tempdir_in(temp)?
        .keep();
    std::fs::write(folder.join("pack.json"), pack_json)?;
    std::fs::write(folder.join("values.yaml"), "")?;
    Ok(folder.to_str().context("UTF-8")?.to_owned())
}

/// A gzipped tar with one file; its name is written as it is, which the `tar` crate itself would refuse.
fn archive_with(path: &str, size_bytes: u64) -> Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(header.as_bytes())?;
    let zeros = [0_u8; 1 << 16];
    let mut left = size_bytes.next_multiple_of(512) + 1024;
    while left > 0 {
        let step = left.min(zeros.len() as u64);
        gzip.write_all(&zeros[..usize::try_from(step)?])?;
        left -= step;
    }
    Ok(gzip.finish()?)
}

fn push_archive_by_oras(temp: &Path, server: &Server, name: &str, archive: &[u8]) -> Result<()> {
    let folder: PathBuf = temp.join(name);
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("x-1.0.0.tar.gz"), archive)?;
    e2e::tools::run(
        e2e::tools::client("oras")
            .current_dir(&folder)
            .args(["push", "--plain-http", "--image-spec", "v1.0"])
            .arg(format!(
                "{}/library/spectro-packs/archive/x:1.0.0",
                server.host()
            ))
            .arg("x-1.0.0.tar.gz:application/vnd.oci.image.layer.v1.tar"),
    )?;
    Ok(())
}

fn delete_tag(server: &Server) -> Result<()> {
    let reference = format!("{}/library/spectro-packs/archive/x:1.0.0", server.host());
    e2e::tools::run(e2e::tools::client("oras").args([
        "manifest",
        "delete",
        "--plain-http",
        "--force",
        &reference,
    ]))?;
    Ok(())
}
