//! The main job on real machines: build, kill the server in the middle, reuse, change, refuse.
//!
//! One server and one cold build serve every check, because a machine without
//! KVM needs minutes for each boot. The checks are steps of one story, in order.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::binary::workspace;
use e2e::processes::{self, wait_for};
use e2e::publish::text;
use e2e::server::Server;
use e2e::{fixtures, publish, remnants, tools};
use serde_json::Value;

use crate::reach::{Site, told_of_what_was_refused};

/// No stage takes longer than this on two emulated cores.
const STAGE_WITHIN: Duration = Duration::from_secs(15 * 60);

#[test]
fn the_main_job() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let data = temp.path().join("data");
    let server = Server::start(&data, &[])?;
    publish::base_image(&server)?;
    publish::packs(&server)?;
    let profile = publish::own_profile(&server, "qemu-debian-13.yaml")?;

    let (server, first) = builds_on_after_a_kill(server, &data, &profile)?;
    answers_again_at_once(&server, &profile, &first)?;
    shows_report_and_record(&server, &first, temp.path())?;
    nothing_is_left(&data)?;
    let second = rebuilds_only_the_last_role(&server, temp.path(), &first)?;
    fetches_the_difference(&server, temp.path(), &first, &second)?;
    explains_the_difference(&server, &first, &second)?;
    refuses_what_kube_bench_refuses(&server, temp.path())?;
    let server = runs_only_roles(server, &data, temp.path())?;
    builds_nothing(&server)?;
    names_the_task_that_fails(&server, temp.path())?;
    nothing_is_left(&data)?;
    ensure!(server.stop()? == Some(0), "the server ends with 0");
    gives_up_on_a_machine_that_never_boots(&data, temp.path())
}

/// `kill -9` in the middle of the second stage; the build ends `verified`, the first stage is not repeated.
fn builds_on_after_a_kill(server: Server, data: &Path, profile: &str) -> Result<(Server, String)> {
    let asked = server.json(&["image", "build", profile, "--no-wait"])?;
    let build = asked["build"].as_str().context("a build")?.to_owned();
    wait_for("the second stage to run", STAGE_WITHIN, || {
        let view = server.json(&["build", "show", &build])?;
        ensure!(view["state"] != "failed", "the build failed: {view:#}");
        let captured =
            stages(&view).any(|stage| stage["name"] == "harden" && !stage["seconds"].is_null());
        Ok((captured && stage_running(&view, "kubernetes")).then_some(()))
    })?;
    let before = server.json(&["build", "show", &build])?;
    server.kill()?;

    let server = Server::start(data, &[])?;
    let ended = server.run(&["build", "watch", &build])?;
    ended
        .ok()
        .with_context(|| format!("watch the build\n{}", server.log()))?;
    let view = server.json(&["build", "show", &build])?;
    ensure!(view["state"] == "succeeded", "{view:#}");
    ensure!(
        attempts(&view, "harden") == attempts(&before, "harden"),
        "the captured stage was repeated: {view:#}"
    );
    let signature = view["signature"]
        .as_str()
        .context("a signature")?
        .to_owned();
    let image = server.json(&["image", "show", &signature])?;
    ensure!(image["state"] == "verified", "{image:#}");
    Ok((server, signature))
}

fn answers_again_at_once(server: &Server, profile: &str, signature: &str) -> Result<()> {
    let started = Instant::now();
    let answer = server.json(&["image", "build", profile])?;
    e2e::report(
        "the second request with the program's start, ms",
        started.elapsed().as_millis(),
    );
    ensure!(answer["built"] == false, "{answer:#}");
    ensure!(answer["image"]["signature"] == signature, "{answer:#}");
    Ok(())
}

fn shows_report_and_record(server: &Server, signature: &str, temp: &Path) -> Result<()> {
    let image = server.json(&["image", "show", signature])?;
    let repository = image["artifact"]["repository"]
        .as_str()
        .context("a repository")?;
    let reference = format!("{}/{repository}:{signature}", server.host());
    let tree = tools::run(tools::client("oras").args([
        "discover",
        "--plain-http",
        "--format",
        "tree",
        &reference,
    ]))?;
    for kind in [
        "application/vnd.packyard.kube-bench.report.v1+json",
        "application/vnd.packyard.build.record.v1+json",
        "application/vnd.packyard.image.chunks.v1",
        "application/vnd.cyclonedx+json",
        "application/vnd.in-toto+json",
    ] {
        ensure!(
            tree.stdout.contains(kind),
            "{kind} is not in\n{}",
            tree.stdout
        );
    }
    let disk = temp.join("image.qcow2");
    server
        .run(&["image", "pull", signature, "--output", text(&disk)?])?
        .ok()?;
    let check = std::process::Command::new("qemu-img")
        .args(["check", "-q"])
        .arg(&disk)
        .status()?;
    ensure!(check.success(), "qemu-img check of the pulled image");
    holds_no_private_key(&disk)?;
    std::fs::remove_file(disk)?;
    let explained = server.run(&["image", "explain", signature])?;
    for input in ["base", "harden", "kubernetes", "kubelet", "1.34.4"] {
        ensure!(
            explained.ok()?.stdout.contains(input),
            "{input} is not in\n{}",
            explained.stdout
        );
    }
    Ok(())
}

/// The build's machine had a host key and a user with a key: no block of them is left. What every
/// Debian has shows that the look is not blind.
fn holds_no_private_key(disk: &Path) -> Result<()> {
    // How OpenSSH's private keys begin: the magic of the format in base64, and not the line before
    // it, which stands in OpenSSH's programs too.
    let key = b"b3BlbnNzaC1rZXktdjE";
    let counts = remnants::count(disk, &[key, b"ID=debian"])?;
    ensure!(counts[0] == 0, "{} private keys are left", counts[0]);
    ensure!(counts[1] > 0, "not even the name of the system was found");
    Ok(())
}

/// The pack whose role is the last stage of our profile, and where its tasks are.
const LAST: (&str, &str) = ("addon/node-exporter", "image_metrics/tasks/main.yml");

/// A changed copy of one of our packs, as a new version, and a new version of the profile that names it.
fn changed_profile(
    server: &Server,
    temp: &Path,
    (folder, version): (&str, &str),
    change: impl Fn(&Path) -> Result<()>,
) -> Result<String> {
    let pack = temp.join(format!("{}-{version}", folder.replace('/', "-")));
    fixtures::copy_folder(&workspace().join("packs").join(folder), &pack)?;
    let manifest: Value = serde_json::from_slice(&std::fs::read(pack.join("pack.json"))?)?;
    let old = manifest["version"].as_str().context("a version")?;
    let name = manifest["name"].as_str().context("a name")?;
    fixtures::edit(
        &pack.join("pack.json"),
        &format!("\"version\": \"{old}\""),
        &format!("\"version\": \"{version}\""),
    )?;
    change(&pack)?;
    server.run(&["pack", "push", text(&pack)?])?.ok()?;

    let profile = std::fs::read_to_string(workspace().join("packs/profiles/qemu-debian-13.yaml"))?;
    let profile = replace_pack_version(&profile, name, version);
    ensure!(
        profile.contains(&format!("version: {version}")),
        "the profile does not name {name}"
    );
    let file = temp.join(format!("profile-{version}.yaml"));
    std::fs::write(
        &file,
        profile.replacen("version: 1.0.0", &format!("version: {version}"), 1),
    )?;
    publish::profile(server, &file)
}

/// Adds tasks to the last role.
fn with_tasks(server: &Server, temp: &Path, version: &str, tasks: &str) -> Result<String> {
    changed_profile(server, temp, (LAST.0, version), |pack| {
        let file = pack.join(LAST.1);
        let text = std::fs::read_to_string(&file)?;
        Ok(std::fs::write(&file, format!("{text}\n{tasks}"))?)
    })
}

/// Sets the version, and the tag that follows it, of one pack in a profile's YAML.
fn replace_pack_version(text: &str, pack: &str, version: &str) -> String {
    let mut in_pack = false;
    text.lines()
        .map(|line| {
            let trimmed = line.trim_start().trim_start_matches("- ");
            let indent = &line[..line.len() - trimmed.len()];
            if trimmed.starts_with("name:") {
                in_pack = trimmed == format!("name: {pack}");
            }
            match trimmed.split_once(':') {
                Some((key @ ("version" | "tag"), _)) if in_pack => {
                    format!("{indent}{key}: {version}\n")
                }
                _ => format!("{line}\n"),
            }
        })
        .collect()
}

fn rebuilds_only_the_last_role(server: &Server, temp: &Path, first: &str) -> Result<String> {
    let profile = with_tasks(
        server,
        temp,
        "2.0.1",
        "# A comment is a change of the role's file.\n",
    )?;
    let answer = server.json(&["image", "build", &profile])?;
    ensure!(answer["built"] == true, "{answer:#}");
    let signature = answer["image"]["signature"]
        .as_str()
        .context("a signature")?
        .to_owned();
    ensure!(signature != first, "the signature did not move");
    let build = answer["image"]["build"]
        .as_str()
        .context("a build")?
        .to_owned();
    let view = server.json(&["build", "show", &build])?;
    let cached: Vec<bool> = stages(&view).map(|stage| stage["cached"] == true).collect();
    ensure!(
        cached == [true, true, true, false],
        "all but the last stage are reused: {view:#}"
    );
    Ok(signature)
}

/// A host that has the image before fetches little of the next one.
fn fetches_the_difference(server: &Server, temp: &Path, first: &str, second: &str) -> Result<()> {
    let (old, new) = (temp.join("first.qcow2"), temp.join("second.qcow2"));
    let pull = ["image", "pull", first, "--output", text(&old)?];
    server.run(&pull)?.ok()?;
    let pull = ["image", "pull", second, "--output", text(&new)?];
    let answer = server.json(&[&pull[..], &["--reuse", text(&old)?]].concat())?;
    let number = |key: &str| {
        answer[key]
            .as_f64()
            .with_context(|| format!("{key}: {answer:#}"))
    };
    let share = number("fetchedBytes")? / number("size")?;
    e2e::report("fetched of the next version, share of its bytes", share);
    // Without the map, or with one that fits nothing, it would be all of it.
    ensure!(share < 0.5, "{answer:#}");
    std::fs::remove_file(old)?;
    Ok(std::fs::remove_file(new)?)
}

fn explains_the_difference(server: &Server, first: &str, second: &str) -> Result<()> {
    let difference = server.run(&["image", "explain", first, second])?;
    ensure!(
        difference.ok()?.stdout.contains("tasks/main.yml"),
        "{}",
        difference.stdout
    );
    let answer = server.json(&["image", "explain", first, second])?;
    let differences = answer["differences"]
        .as_array()
        .context("a list of differences")?;
    let files: Vec<_> = differences
        .iter()
        .filter(|one| one.to_string().contains("files"))
        .collect();
    ensure!(
        files.len() == 1 && files[0].to_string().contains("tasks/main.yml"),
        "{answer:#}"
    );
    Ok(())
}

fn refuses_what_kube_bench_refuses(server: &Server, temp: &Path) -> Result<()> {
    let tasks = "- name: Open the kubelet's unit to everybody\n  ansible.builtin.file:\n    path: /usr/lib/systemd/system/kubelet.service\n    mode: \"0666\"\n";
    let profile = with_tasks(server, temp, "2.0.2", tasks)?;
    let ran = server.run(&["image", "build", &profile])?;
    ran.refused(5, &["4.1.1"])?;
    let view = newest_build(server)?;
    ensure!(view["conditions"].to_string().contains("4.1.1"), "{view:#}");
    let signature = view["signature"].as_str().context("a signature")?;
    let image = server.run(&["image", "show", signature, "--json"])?;
    ensure!(
        image.code == Some(3) || image.json()?["state"] != "verified",
        "{image:?}"
    );
    Ok(())
}

/// On a server whose machines may reach one site alone. Its role asks for more.
fn runs_only_roles(server: Server, data: &Path, temp: &Path) -> Result<Server> {
    ensure!(server.stop()? == Some(0), "the server ends with 0");
    let site = Site::new(temp)?;
    let server = Server::start(data, &["--config", text(&site.config)?])?;
    let profile = site.profile(&server, temp)?;
    let answer = server.json(&["image", "build", &profile])?;
    ensure!(answer["image"]["state"] == "verified", "{answer:#}");
    let build = answer["image"]["build"].as_str().context("a build")?;
    let view = server.json(&["build", "show", build])?;
    let ran: Vec<&str> = stages(&view)
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    ensure!(
        !ran.contains(&"harden") && !ran.contains(&"kubernetes"),
        "only roles run, not {ran:?}"
    );
    ensure!(!ran.is_empty(), "no role ran: {view:#}");
    ensure!(step(&view, "KubeBench")["state"] == "skipped", "{view:#}");
    told_of_what_was_refused(&server, build)?;
    Ok(server)
}

fn builds_nothing(server: &Server) -> Result<()> {
    let profile = publish::own_profile(server, "qemu-byo.yaml")?;
    let answer = server.json(&["image", "build", &profile])?;
    ensure!(
        answer["built"] == false && answer["image"]["kind"] == "referenced",
        "{answer:#}"
    );
    Ok(())
}

fn names_the_task_that_fails(server: &Server, temp: &Path) -> Result<()> {
    let tasks = "- name: Stop here on purpose\n  ansible.builtin.fail:\n    msg: the reason that the test wrote\n";
    let profile = with_tasks(server, temp, "2.0.3", tasks)?;
    let ran = server.run(&["image", "build", &profile])?;
    ran.refused(
        1,
        &["Stop here on purpose", "the reason that the test wrote"],
    )?;
    let view = newest_build(server)?;
    ensure!(
        view["conditions"]
            .to_string()
            .contains("Stop here on purpose"),
        "{view:#}"
    );
    Ok(())
}

/// An empty disk boots nothing: the wait ends, the console is told, the machine is gone.
fn gives_up_on_a_machine_that_never_boots(data: &Path, temp: &Path) -> Result<()> {
    let config = temp.join("impatient.toml");
    std::fs::write(&config, "[builder]\nboot_timeout_secs = 20\n")?;
    let server = Server::start(data, &["--config", text(&config)?])?;
    let disk = temp.join("empty.qcow2");
    let made = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(&disk)
        .arg("64M")
        .status()?;
    ensure!(made.success(), "qemu-img create");
    let args = [
        "--os-name",
        "none",
        "--os-version",
        "0",
        "--ssh-username",
        "none",
    ];
    let reference = "library/images/base/none:1";
    let import = [&["image", "import", text(&disk)?, reference][..], &args[..]].concat();
    server.run(&import)?.ok()?;
    let profile = changed_profile(&server, temp, ("os/debian-13", "2.0.4"), |pack| {
        fixtures::edit(
            &pack.join("pack.json"),
            "images/base/debian-13:13",
            "images/base/none:1",
        )
    })?;
    server
        .run(&["image", "build", &profile])?
        .refused(1, &["20", "SSH"])?;
    nothing_is_left(data)?;
    ensure!(server.stop()? == Some(0), "the server ends with 0");
    Ok(())
}

pub(crate) fn nothing_is_left(data: &Path) -> Result<()> {
    let machines = processes::machines(data);
    ensure!(machines.is_empty(), "left running: {machines:#?}");
    let folder = data.join("builder/machines");
    let left: Vec<_> = std::fs::read_dir(&folder)
        .map(|entries| entries.flatten().collect())
        .unwrap_or_default();
    ensure!(left.is_empty(), "left in {}: {left:?}", folder.display());
    Ok(())
}

fn stages(view: &Value) -> impl Iterator<Item = &Value> {
    view["stages"].as_array().into_iter().flatten()
}

pub(crate) fn step<'view>(view: &'view Value, name: &str) -> &'view Value {
    view["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|step| step["name"] == name)
        .unwrap_or(&Value::Null)
}

/// The step that makes a stage; its part is the stage's id.
fn stage_step<'view>(view: &'view Value, stage: &str) -> &'view Value {
    let id = stages(view)
        .find(|one| one["name"] == stage)
        .map_or(&Value::Null, |one| &one["id"]);
    let of_stage = |step: &&Value| step["name"] == "RunStage" && step["part"] == *id;
    view["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .find(of_stage)
        .unwrap_or(&Value::Null)
}

fn stage_running(view: &Value, stage: &str) -> bool {
    stage_step(view, stage)["state"] == "running"
}

fn attempts(view: &Value, stage: &str) -> Option<u64> {
    stage_step(view, stage)["attempts"].as_u64()
}

pub(crate) fn newest_build(server: &Server) -> Result<Value> {
    let builds = server.json(&["build", "ls"])?;
    let id = builds["builds"][0]["id"]
        .as_str()
        .context("a build")?
        .to_owned();
    server.json(&["build", "show", &id])
}
