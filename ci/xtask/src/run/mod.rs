//! `cargo xtask run`: the main job, end to end, through the real program and nothing else.
//!
//! Serves, imports the base image, publishes `packs/`, builds the image, asks again, changes
//! the last role and builds again. It ends everything that it started, whenever it is interrupted.

mod client;
mod figures;
mod interrupt;
mod library;
mod next_version;
mod server;
mod summary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tree;
use client::Client;
pub(crate) use interrupt::{Interrupt, Interrupted};
use library::{Library, PackFolder, ProfileFile};
pub(crate) use next_version::fetched_share;
pub(crate) use server::Server;
use summary::Summary;

/// The profile of the main job.
const PROFILE: &str = "qemu-debian-13";
/// Where the packs expect the base image.
const BASE_IMAGE: &str = "library/images/base/debian-13:13";

/// After so long a server that nobody asks anything has done what it does at its start.
const SETTLED: Duration = Duration::from_secs(1);

/// Where everything of one run is.
pub(crate) struct Places {
    packyard: PathBuf,
    /// `target/run`.
    folder: PathBuf,
    data: PathBuf,
    cache: PathBuf,
}

/// What the main job made, for those who measure more of it.
pub(crate) struct Job {
    pub(crate) figures: Figures,
    /// The signature of the image that was built first.
    pub(crate) cold: String,
    /// The profile with the changed role, and the signature of its image: the newest there is.
    pub(crate) profile: String,
    pub(crate) changed: String,
}

/// What is measured beside the summary; `cargo xtask bench-build` prints it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) idle_mb: f64,
    pub(crate) own_cpu_secs: f64,
    pub(crate) answer_ms: f64,
    pub(crate) cold_secs: f64,
    pub(crate) reuse_ms: f64,
    pub(crate) incremental_secs: f64,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let exit = match arguments {
        [] => false,
        [only] if only == "--exit" => true,
        _ => bail!("knows only --exit"),
    };
    let places = Places::of_this_tree()?;
    let interrupt = Interrupt::install()?;
    let (mut server, _) = main_job(&places, &interrupt)?;
    if !exit {
        eprintln!(
            "\nserving at {} with {}; Ctrl-C stops it",
            server.url(),
            places.data.display()
        );
        server.serve_until(&interrupt)?;
    }
    server.stop()
}

/// The whole job; the server is left running.
pub(crate) fn main_job(places: &Places, interrupt: &Interrupt) -> Result<(Server, Job)> {
    empty(&places.data)?;
    let library = Library::open(&tree::root().join("packs"))?;
    let profile = library.profile(PROFILE)?;

    say("start packyard serve");
    let server = Server::start(
        &places.packyard,
        &places.data,
        &places.folder.join("server.log"),
        interrupt,
    )?;
    interrupt::pause(SETTLED);
    let idle_mb = figures::resident_mb(server.pid())?;
    let client = Client::new(&places.packyard, server.url(), &places.folder, interrupt);

    import_base(&client, places)?;
    for pack in &library.packs {
        publish(&client, pack, places)?;
    }
    for profile in &library.profiles {
        publish_profile(&client, profile)?;
    }

    say(&format!("build the image of {}", profile.reference()));
    let cpu_before = figures::cpu_secs(server.pid())?;
    let (cold, cold_took) = build(&client, profile)?;
    let own_cpu_secs = figures::cpu_secs(server.pid())? - cpu_before;

    say("ask for it again");
    let (again, reuse_took) = build(&client, profile)?;
    ensure!(
        again.record["signature"] == cold.record["signature"],
        "the second request gave another image"
    );
    let answer_ms = figures::answer_ms(server.url(), &profile.reference())?;

    let change = library.change_last_role(profile, &fresh(&places.folder.join("changed"))?)?;
    say(&format!(
        "change role {} of {} and build again",
        change.role, change.pack.name
    ));
    publish(&client, &change.pack, places)?;
    publish_profile(&client, &change.profile)?;
    let (changed, changed_took) = build(&client, &change.profile)?;
    ensure!(
        changed.record["signature"] != cold.record["signature"],
        "the changed role gave the same image"
    );

    let mut stages = summary::stages("cold", &cold.view)?;
    stages.extend(summary::stages("incremental", &changed.view)?);
    let summary = Summary {
        signature: text(&cold.record, "signature")?,
        image: format!(
            "{}@{}",
            text(&cold.record["artifact"], "repository")?,
            text(&cold.record["artifact"], "digest")?
        ),
        profile: profile.reference(),
        data: places.data.display().to_string(),
        kube_bench: summary::kube_bench(&cold.record)?,
        stages,
        cold_secs: cold_took,
        reuse_ms: reuse_took * 1000.0,
        incremental_secs: changed_took,
    };
    let figures = Figures {
        idle_mb,
        own_cpu_secs,
        answer_ms,
        cold_secs: summary.cold_secs,
        reuse_ms: summary.reuse_ms,
        incremental_secs: summary.incremental_secs,
    };
    write_json(&places.folder.join("summary.json"), &summary)?;
    write_json(&places.folder.join("figures.json"), &figures)?;
    eprintln!();
    println!("{}", summary::table(&summary));
    let job = Job {
        figures,
        cold: summary.signature,
        profile: change.profile.reference(),
        changed: text(&changed.record, "signature")?,
    };
    Ok((server, job))
}

/// An image, and the build that made it.
struct Built {
    record: Value,
    view: Value,
}

fn build(client: &Client<'_>, profile: &ProfileFile) -> Result<(Built, f64)> {
    let (answer, took) = client.json(&["image", "build", &profile.reference()])?;
    let record = answer.get("image").unwrap_or(&answer).clone();
    ensure!(
        record["state"] == "verified",
        "the image is not verified but {}",
        record["state"]
    );
    let (view, _) = client.json(&["build", "show", &text(&record, "build")?])?;
    Ok((Built { record, view }, took.as_secs_f64()))
}

fn import_base(client: &Client<'_>, places: &Places) -> Result<()> {
    let image = places.cache.join("base/debian-13.qcow2");
    let config = image.with_extension("json");
    ensure!(
        image.exists(),
        "{} is missing: run `make setup`",
        image.display()
    );
    say(&format!("import the base image as {BASE_IMAGE}"));
    client.run(&[
        "image",
        "import",
        path(&image)?,
        BASE_IMAGE,
        "--config",
        path(&config)?,
    ])?;
    Ok(())
}

fn publish(client: &Client<'_>, pack: &PackFolder, places: &Places) -> Result<()> {
    say(&format!("publish pack {}", pack.title()));
    if !pack.has_components {
        client.run(&["pack", "push", "--strict", path(&pack.path)?])?;
        return Ok(());
    }
    let components = places.components(&pack.version)?;
    let pinned = places.folder.join("pinned").join(&pack.name);
    pin_packages(&pack.path, &components, &pinned)?;
    let bundle = ["--bundle", path(&components)?];
    client.run(&[&["pack", "push", "--strict", path(&pinned)?], &bundle[..]].concat())?;
    Ok(())
}

/// A copy of the pack that names the Debian packages of today; the archive keeps no older ones.
fn pin_packages(pack: &Path, components: &Path, target: &Path) -> Result<()> {
    let script = tree::root().join("ci/pin-packages");
    let status = std::process::Command::new(&script)
        .args([pack, components, target])
        .status()
        .with_context(|| format!("run {}", script.display()))?;
    ensure!(status.success(), "{} ended with {status}", script.display());
    Ok(())
}

fn publish_profile(client: &Client<'_>, profile: &ProfileFile) -> Result<()> {
    say(&format!("publish {}", profile.reference()));
    client.run(&["profile", "push", path(&profile.path)?])?;
    Ok(())
}

impl Places {
    pub(crate) fn of_this_tree() -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| tree::root().join("target"), PathBuf::from);
        let packyard = target.join("release/packyard");
        ensure!(
            packyard.exists(),
            "{} is missing: run `make build`",
            packyard.display()
        );
        let folder = tree::root().join("target/run");
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .context("set HOME or XDG_CACHE_HOME")?
            .join("packyard");
        Ok(Self {
            packyard,
            data: folder.join("data"),
            folder,
            cache,
        })
    }

    /// Where the image builder keeps what it knows.
    pub(crate) fn builder_database(&self) -> PathBuf {
        self.data.join("builder/builder.db")
    }

    /// A file of the run, beside the summary.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The components of the Kubernetes pack as they were published.
    pub(crate) fn components_list(&self) -> Result<PathBuf> {
        let packs =
            std::fs::read_dir(self.folder.join("pinned")).context("list what was pinned")?;
        let found = packs
            .flatten()
            .map(|pack| pack.path().join("components.yaml"))
            .find(|list| list.is_file());
        found.context("no published pack has a components.yaml")
    }

    fn components(&self, version: &str) -> Result<PathBuf> {
        let folder = self.cache.join(format!("components/v{version}"));
        ensure!(
            folder.is_dir(),
            "{} is missing: run `make setup`",
            folder.display()
        );
        Ok(folder)
    }
}

/// Removes what an earlier run left; not under the feet of one that still serves.
fn empty(data: &Path) -> Result<()> {
    if let Ok(lock) = std::fs::File::open(data.join("lock")) {
        ensure!(
            lock.try_lock().is_ok(),
            "{} is in use by the server of an earlier `make run`: stop that with Ctrl-C first",
            data.display()
        );
    }
    fresh(data).map(drop)
}

fn fresh(folder: &Path) -> Result<PathBuf> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder.to_owned())
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

fn text(value: &Value, key: &str) -> Result<String> {
    value[key]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {key}"))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}

fn say(what: &str) {
    eprintln!("==> {what}");
}
