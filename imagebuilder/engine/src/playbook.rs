//! Runs Ansible on a build's machine and turns its progress into the build's events.

use std::time::Duration;

use imagebuilder_api::{EventType, StepName};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::ansible::{AnsibleError, Connection, Playbook, PlaybookRun, Progress, Recap};
use crate::build::Build;
use crate::failure::Failure;
use crate::machine::{self, LiveMachine};
use crate::media;
use crate::reach::{self, Refusal};
use crate::spans::TaskSpans;
use crate::ssh::{BUILD_USER, SshError};
use crate::task_log::TaskLog;

/// What to run, and for which step.
pub(crate) struct Task {
    pub(crate) step: StepName,
    /// Names the run in the logs.
    pub(crate) ident: String,
    pub(crate) playbook: Playbook,
    /// Variables beside those that every role of ours reads.
    pub(crate) extra_vars: Map<String, Value>,
    pub(crate) roles_paths: Vec<std::path::PathBuf>,
    pub(crate) timeout: Duration,
}

/// Runs a playbook; each task becomes an event.
pub(crate) async fn run(
    build: &Build,
    machine: &LiveMachine,
    task: Task,
) -> Result<Recap, Failure> {
    let resolved = build.resolved()?;
    let mut extra_vars = task.extra_vars;
    extra_vars.insert("packyard_media".to_owned(), json!(media::MOUNT_POINT));
    extra_vars.insert("packyard_build_user".to_owned(), json!(BUILD_USER));
    extra_vars.insert("packyard_components".to_owned(), json!(resolved.components));
    let version = resolved
        .kubernetes_pack()
        .source
        .pack
        .manifest
        .version
        .as_str();
    extra_vars.insert("packyard_kubernetes_version".to_owned(), json!(version));
    let step = task.step;
    let run = PlaybookRun {
        folder: build.path("ansible")?,
        ident: task.ident,
        playbook: match machine.proxy() {
            Some(_) => proxied(task.playbook),
            None => task.playbook,
        },
        extra_vars,
        connection: Connection {
            host: machine.ssh.address.ip().to_string(),
            port: machine.ssh.address.port(),
            user: machine.ssh.login.to_owned(),
            arguments: machine.ssh.arguments(),
        },
        roles_paths: task.roles_paths,
        facts: build.path("facts")?,
        timeout: task.timeout,
        masker: build.masker(),
    };
    let mut told = Told {
        log: TaskLog::new(&build.folder, &run.ident),
        spans: TaskSpans::new(&build.shop.config.tracer),
    };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let running = async {
        // Moved in, so that the channel closes with the run.
        let sender = sender;
        build
            .shop
            .ansible
            .run(&run, &|progress| drop(sender.send(progress)))
            .await
    };
    let telling = async {
        while let Some(progress) = receiver.recv().await {
            tell(build, step, progress, &mut told).await?;
        }
        told.spans.finish();
        Ok::<(), Failure>(())
    };
    let both = async { tokio::join!(running, telling) };
    let (recap, told) = beside(build, machine, step, both).await?;
    told?;
    match recap {
        Ok(recap) => Ok(recap),
        Err(error @ AnsibleError::Unreachable { .. }) => Err(unreachable(machine, error).await),
        Err(error) => Err(error.into()),
    }
}

/// A connection that was cut says nothing of why. Whoever answers a new one may be somebody else.
async fn unreachable(machine: &LiveMachine, error: AnsibleError) -> Failure {
    const WITHIN: Duration = Duration::from_secs(15);
    let greeted = machine.ssh.user("greet the machine again", "true", WITHIN);
    match greeted.await {
        Err(SshError::HostKey { .. }) => Failure::other_host_key(&error.to_string()),
        _ => error.into(),
    }
}

/// Carries the run to its end while the machine lives, and tells of every host that the machine
/// asked for in vain.
async fn beside<T>(
    build: &Build,
    machine: &LiveMachine,
    step: StepName,
    run: impl Future<Output = T>,
) -> Result<T, Failure> {
    let done = CancellationToken::new();
    let running = async {
        let ended = run.await;
        done.cancel();
        Ok(ended)
    };
    // Beside the run and never in its place: each may wait for what the other holds.
    let telling = async {
        loop {
            let refusal = tokio::select! {
                biased;
                // What was refused last is often why the run failed.
                refusal = next_refusal(machine) => refusal,
                () = done.cancelled() => return Ok(()),
            };
            tell_refusal(build, step, &refusal).await?;
        }
    };
    let both = async { tokio::try_join!(running, telling) };
    tokio::select! {
        both = both => both.map(|(ended, ())| ended),
        lost = machine::watch(build, &machine.id) => Err(lost),
    }
}

async fn next_refusal(machine: &LiveMachine) -> Refusal {
    match machine.proxy() {
        Some(proxy) => proxy.next_refusal().await,
        None => std::future::pending().await,
    }
}

/// The same plays, whose tasks find the proxy of the machine. It is no variable of a role: where
/// a build runs does not change what comes of it.
fn proxied(playbook: Playbook) -> Playbook {
    let Playbook::Plays(Value::Array(mut plays)) = playbook else {
        return playbook;
    };
    for play in plays.iter_mut().filter_map(Value::as_object_mut) {
        play.insert("environment".to_owned(), reach::environment().into());
    }
    Playbook::Plays(Value::Array(plays))
}

async fn tell_refusal(build: &Build, step: StepName, refusal: &Refusal) -> Result<(), Failure> {
    let message = format!("the guest asked in vain: {refusal}");
    let data = json!({"refused": refusal.target.to_string(), "key": "builder.reach"});
    build
        .event(EventType::Warning, Some(step), &message, Some(&data))
        .await?;
    Ok(())
}

/// Where the progress of a run goes, beside the build's events.
struct Told {
    log: TaskLog,
    spans: TaskSpans,
}

async fn tell(
    build: &Build,
    step: StepName,
    progress: Progress,
    told: &mut Told,
) -> Result<(), Failure> {
    match progress {
        Progress::Output { number, text } => {
            told.log
                .add(number, &text, &build.masker())
                .map_err(|error| Failure::host("write Ansible's output", &error))?;
        }
        Progress::Task { number, name, role } => {
            let masker = build.masker();
            told.spans.begin(number, role.as_deref(), &name, &masker);
            told.log.task(number, role.as_deref(), &masker.mask(&name));
            let message = match &role {
                Some(role) => format!("{role}: {name}"),
                None => name.clone(),
            };
            let data = json!({"number": number, "task": name, "role": role});
            build
                .event(EventType::AnsibleTask, Some(step), &message, Some(&data))
                .await?;
        }
        Progress::TaskEnded { number, end } => told.spans.end(number, end),
        Progress::Note(note) => {
            build
                .event(EventType::Note, Some(step), &note, None)
                .await?;
        }
    }
    Ok(())
}
