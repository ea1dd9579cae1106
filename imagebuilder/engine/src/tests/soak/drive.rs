//! Runs the soak: publishes, asks, hires, kills, waits, and looks at what is left.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use imagebuilder_api::EnsureImageAnswer;
use registry_pack::media;
use tests_postgres::Postgres;
use traces::Tracer;

use super::cloud::Cloud;
use super::figures::{Figures, Memory};
use super::worker::Desk;
use crate::engine::Engine;
use crate::testing::World;

/// How much is done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) builds: u64,
    pub(super) workers: u64,
    pub(super) at_once: u64,
    pub(super) between_kills: Option<Duration>,
    pub(super) limit: Duration,
}

/// One call of the cloud in so many fails.
const ONE_IN: u32 = 100;
/// How often the workers are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What a worker may take to end in order.
const TO_END: Duration = Duration::from_secs(60);

pub(super) async fn run(plan: &Plan) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new().await;
    let cloud = Cloud::start(folder.path(), Arc::clone(&world.registry), ONE_IN);
    let database = Postgres::shared().database();
    let desk = |name: &str| Desk {
        socket: cloud.socket.clone(),
        data: folder.path().join(name),
        database: database.clone(),
        slots: plan.at_once,
        traces: None,
        says: String::new(),
        hangs: None,
    };
    let boss = desk("boss").engine(Tracer::default()).await;
    let builds = ask(plan, &world, &boss).await;
    let began = Instant::now();
    let desks: Vec<Desk> = (0..plan.workers)
        .map(|number| desk(&format!("worker-{number}")))
        .collect();
    let mut crew = Crew::hire(desks);
    let mut memory = Memory::default();
    let unfinished = crew.work(plan, &boss, &mut memory).await;
    let seconds = began.elapsed().as_secs_f64();
    crew.dismiss().await;
    let mut figures = Figures {
        asked: plan.builds,
        seconds,
        kills: crew.kills,
        unfinished,
        memory,
        calls: cloud.calls.load(Ordering::Relaxed),
        faults: cloud.faults.load(Ordering::Relaxed),
        ..Figures::default()
    };
    judge(&mut figures, &world, &boss, &builds, folder.path()).await;
    figures
}

/// Publishes a profile for each build and asks for its image, twice.
async fn ask(plan: &Plan, world: &World, boss: &Engine) -> Vec<String> {
    let ask = |number| async move {
        let profile = world.publish_variant(number).await;
        let mut named = Vec::new();
        for _ in 0..2 {
            match boss.ensure(world.request_for(&profile)).await? {
                EnsureImageAnswer::Building { build, .. } => named.push(build.to_string()),
                EnsureImageAnswer::Ready { .. } => panic!("nobody builds yet"),
            }
        }
        assert_eq!(named[0], named[1], "two requests share a build");
        Ok::<_, crate::error::EngineError>(named.remove(0))
    };
    let asked = stream::iter(0..plan.builds).map(ask).buffered(4);
    asked.try_collect().await.expect("all are queued")
}

/// The worker processes.
struct Crew {
    desks: Vec<Desk>,
    at_work: Vec<Child>,
    kills: u64,
}

impl Crew {
    fn hire(desks: Vec<Desk>) -> Self {
        let at_work = desks.iter().map(Desk::hire).collect();
        Self {
            desks,
            at_work,
            kills: 0,
        }
    }

    /// Lets them work until nothing is left to do; how many builds are, when time is up.
    async fn work(&mut self, plan: &Plan, boss: &Engine, memory: &mut Memory) -> usize {
        let began = Instant::now();
        let mut last_kill = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let journal = &boss.shop.journal;
            let unfinished = journal.unfinished().await.expect("an answer").len();
            if unfinished == 0 || began.elapsed() > plan.limit {
                return unfinished;
            }
            for worker in journal.workers().await.expect("an answer") {
                let pid = worker.name.split('-').next().unwrap_or_default();
                memory.note(pid, worker.running);
            }
            if plan
                .between_kills
                .is_some_and(|time| last_kill.elapsed() >= time)
            {
                last_kill = Instant::now();
                self.kill_one();
            }
        }
    }

    /// SIGKILL to one after the other; its successor begins at the same desk.
    fn kill_one(&mut self) {
        let at = usize::try_from(self.kills).unwrap_or(0) % self.at_work.len();
        let worker = &mut self.at_work[at];
        worker.kill().expect("it was at work");
        worker.wait().expect("it is gone");
        self.kills += 1;
        *worker = self.desks[at].hire();
    }

    /// Ends them in order.
    async fn dismiss(&mut self) {
        for worker in &mut self.at_work {
            drop(worker.stdin.take());
        }
        let began = Instant::now();
        for worker in &mut self.at_work {
            while worker.try_wait().expect("a child").is_none() {
                if began.elapsed() > TO_END {
                    worker.kill().expect("it hangs");
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.at_work {
            // Mostly they have ended by now.
            drop(worker.kill());
            drop(worker.wait());
        }
    }
}

/// Counts what came of it.
async fn judge(
    figures: &mut Figures,
    world: &World,
    boss: &Engine,
    builds: &[String],
    folder: &Path,
) {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for build in builds {
        let view = boss.build(build).await.expect("a build");
        figures.attempts += u64::from(view.attempt);
        let reason = view.reason.unwrap_or_default();
        let end = format!("{} {reason}", view.state.as_str())
            .trim()
            .to_owned();
        *ends.entry(end).or_default() += 1;
    }
    figures.ends = ends;
    let report = boss.reap().await.expect("a look");
    figures.reaped_at_the_end = report.removed.len();
    figures.left = report
        .left
        .into_iter()
        .map(|one| format!("{}: {}", one.what, one.why))
        .collect();
    let journal = &boss.shop.journal;
    let rows = journal.live_resources().await.expect("rows");
    figures.open_rows = rows.into_iter().map(|row| row.intent).collect();
    let held = boss.shop.provider.resources().await.expect("resources");
    for one in &held {
        *figures.held.entry(format!("{:?}", one.kind)).or_default() += 1;
    }
    let stages = journal.stages().await.expect("stages");
    // The base image is kept as one, and came from the registry.
    figures.stages = stages.iter().filter(|one| one.parent.is_some()).count();
    let mut artifacts: BTreeMap<String, u64> = BTreeMap::new();
    for kind in world.registry.artifact_types("library/images/os-demo") {
        *artifacts.entry(kind).or_default() += 1;
    }
    figures.doubled = artifacts
        .into_iter()
        .filter(|(_, count)| *count != figures.asked)
        .map(|(kind, count)| format!("{kind}: {count}"))
        .collect();
    let stages = world.registry.artifact_types("library/stages");
    let stages = stages.iter().filter(|kind| *kind == media::STAGE).count();
    figures.stage_artifacts = stages;
    figures.disk_left = leftovers(folder);
}

/// Keys and volumes of builds that are over: files that only a running build needs.
fn leftovers(folder: &Path) -> Vec<String> {
    let builds = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = builds.flat_map(|worker| {
        let builds = worker.path().join("builds");
        std::fs::read_dir(builds).into_iter().flatten().flatten()
    });
    let keys =
        folders.flat_map(|build| ["keys-build", "keys-verify"].map(|keys| build.path().join(keys)));
    keys.filter(|keys| keys.exists())
        .map(|keys| keys.display().to_string())
        .collect()
}
