//! A worker process: an engine on the shared journal, with the cloud and the registry at the
//! other end of a socket. It ends in order when its standard input does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use database::{Database, PostgresConfig};
use proxies::Proxies;
use tokio_util::sync::CancellationToken;
use traces::{Exporting, Target, Tracer};

use super::far::Far;
use crate::ansible::{AnsibleError, AnsibleRunner, OnProgress, PlaybookRun, Recap};
use crate::backoff::{RetryPolicy, chance};
use crate::config::EngineConfig;
use crate::engine::Engine;
use crate::quotas::{Limits, Quota};
use crate::testing::{ScriptedAnsible, ScriptedShell};

const SOCKET: &str = "SOAK_SOCKET";
const DATA: &str = "SOAK_DATA";
const DATABASE: &str = "SOAK_DATABASE";
const SLOTS: &str = "SOAK_SLOTS";
const TRACES: &str = "SOAK_TRACES";
const SAYS: &str = "SOAK_SAYS";
const HANGS: &str = "SOAK_HANGS";

/// Where a worker works.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) socket: PathBuf,
    pub(super) data: PathBuf,
    pub(super) database: String,
    pub(super) slots: u64,
    /// Where spans go.
    pub(super) traces: Option<String>,
    /// What every run of Ansible says.
    pub(super) says: String,
    /// Which of its runs never end.
    pub(super) hangs: Option<String>,
}

impl Desk {
    /// Starts a process of this program that is nothing but a worker.
    pub(super) fn hire(&self) -> Child {
        let log = self.data.with_extension("log");
        let log = std::fs::File::options().create(true).append(true).open(log);
        Command::new(std::env::current_exe().expect("this program"))
            .args(["tests::soak::worker::work", "--exact", "--ignored"])
            .args(["--nocapture", "--test-threads=1"])
            .env(SOCKET, &self.socket)
            .env(DATA, &self.data)
            .env(DATABASE, &self.database)
            .env(SLOTS, self.slots.to_string())
            .env(TRACES, self.traces.as_deref().unwrap_or_default())
            .env(SAYS, &self.says)
            .env(HANGS, self.hangs.as_deref().unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("a worker")
    }

    /// Where its spans go.
    pub(super) fn trace(&self) -> (Tracer, Option<Exporting>) {
        let Some(endpoint) = self.traces.clone() else {
            return (Tracer::default(), None);
        };
        let target = Target {
            endpoint,
            headers: HashMap::new(),
            ratio: 1.0,
            proxies: Proxies::none(),
            version: "test",
        };
        let (tracer, exporting) = traces::start(&target).expect("a tracer");
        (tracer, Some(exporting))
    }

    /// An engine at this desk.
    pub(super) async fn engine(&self, tracer: Tracer) -> Engine {
        let far = Far(self.socket.clone());
        let url = self.database.parse().expect("an address");
        let rule = format!("fake/*/*={}", self.slots);
        let config = EngineConfig {
            database: Database::Postgres(PostgresConfig {
                connections: 10,
                ..PostgresConfig::new(url)
            }),
            slots: usize::try_from(self.slots).expect("a number"),
            tracer,
            limits: Limits {
                slots: vec![rule.parse().expect("a rule")],
                each_project: Quota {
                    queued: Some(u32::MAX),
                    ..Quota::default()
                },
                ..Limits::default()
            },
            retry: RetryPolicy {
                first: Duration::from_millis(50),
                ..RetryPolicy::default()
            },
            ..EngineConfig::new(self.data.clone(), Path::new("/nowhere").to_owned())
        };
        Engine::assemble(
            config,
            Arc::new(far.clone()),
            Arc::new(far),
            Arc::new(SlowAnsible::at(self)),
            Arc::new(ScriptedShell::default()),
        )
        .await
        .expect("an engine")
    }
}

/// The body of a worker process; on its own it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is a worker process of the soak"]
async fn work() {
    let said = |name| std::env::var(name).ok();
    let (Some(socket), Some(data), Some(database), Some(slots)) =
        (said(SOCKET), said(DATA), said(DATABASE), said(SLOTS))
    else {
        return;
    };
    let desk = Desk {
        socket: socket.into(),
        data: data.into(),
        database,
        slots: slots.parse().expect("a number"),
        traces: said(TRACES).filter(|endpoint| !endpoint.is_empty()),
        says: said(SAYS).unwrap_or_default(),
        hangs: said(HANGS).filter(|run| !run.is_empty()),
    };
    let (tracer, exporting) = desk.trace();
    let engine = desk.engine(tracer).await;
    let stop = CancellationToken::new();
    let ending = stop.clone();
    // Not a task of the runtime: a blocked read would hold its end up.
    std::thread::spawn(move || {
        let mut nothing = String::new();
        drop(std::io::stdin().read_line(&mut nothing));
        ending.cancel();
    });
    engine.run(stop).await;
    if let Some(exporting) = exporting {
        exporting.finish().await;
    }
}

/// Takes a while, as roles do.
#[derive(Default)]
struct SlowAnsible(ScriptedAnsible);

impl SlowAnsible {
    fn at(desk: &Desk) -> Self {
        let ansible = ScriptedAnsible::default();
        ansible.hang(desk.hangs.as_deref());
        if !desk.says.is_empty() {
            let text = desk.says.clone();
            ansible.gossip(Box::new(move |_| text.clone()));
        }
        Self(ansible)
    }
}

#[async_trait]
impl AnsibleRunner for SlowAnsible {
    fn version(&self) -> Result<String, AnsibleError> {
        self.0.version()
    }

    async fn run(
        &self,
        run: &PlaybookRun,
        progress: OnProgress<'_>,
    ) -> Result<Recap, AnsibleError> {
        tokio::time::sleep(Duration::from_millis(200).mul_f64(1.0 + 4.0 * chance())).await;
        self.0.run(run, progress).await
    }
}
