//! Runs playbooks on the machine being built, and turns what Ansible says into progress and exact errors.
//!
//! It does not decide what runs when: the steps do.

mod collection;
mod events;
mod output;
mod plain_text;
#[cfg(test)]
mod real;
mod runner;
mod version;
mod workspace;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::resolve::Masker;

pub(crate) use collection::Collection;
pub(crate) use output::{RUN_BYTES, TASK_BYTES};
pub use runner::VenvRunner;
pub(crate) use runner::{FILE_BYTES, MEMORY_BYTES};
pub(crate) use workspace::clean_up;

/// The name of the one host in every inventory of ours.
pub(crate) const HOST: &str = "image";

/// One call of Ansible.
#[derive(Debug, Clone)]
pub struct PlaybookRun {
    /// The private data folder: inventory, playbook, artifacts.
    pub folder: PathBuf,
    /// Names the run in the folder of artifacts.
    pub ident: String,
    /// What to run.
    pub playbook: Playbook,
    /// Variables above all others. They may hold secrets: deleted after the run.
    pub extra_vars: Map<String, Value>,
    /// How to reach the machine.
    pub connection: Connection,
    /// Folders with roles that other roles may name.
    pub roles_paths: Vec<PathBuf>,
    /// Where gathered facts are kept between the runs of a build.
    pub facts: PathBuf,
    /// The run is ended after this long.
    pub timeout: Duration,
    /// What must not be in anything that the run says.
    pub(crate) masker: Masker,
}

/// A playbook written for this run, or one of the collection.
#[derive(Debug, Clone)]
pub enum Playbook {
    /// Plays as data.
    Plays(Value),
    /// The name of a playbook of our collection, without `.yml`.
    Collection(&'static str),
}

/// How Ansible reaches the machine.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Loopback for machines of this host.
    pub host: String,
    /// The forwarded port.
    pub port: u16,
    /// The build user.
    pub user: String,
    /// All options for `ssh`.
    pub arguments: Vec<String>,
}

/// What a run says while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A task began.
    Task {
        /// Counted from 1.
        number: u32,
        /// The task's name.
        name: String,
        /// The role that it belongs to.
        role: Option<String>,
    },
    /// A task ended.
    TaskEnded {
        /// Which task.
        number: u32,
        /// How.
        end: TaskEnd,
    },
    /// A task said something.
    Output {
        /// Which task; 0 before the first.
        number: u32,
        /// Whole lines.
        text: String,
    },
    /// Something that a person should read.
    Note(String),
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// All was as it should be.
    Ok,
    /// It changed something.
    Changed,
    /// It did not apply.
    Skipped,
    /// It failed.
    Failed,
    /// It failed, and the role goes on all the same.
    Ignored,
    /// The machine did not answer.
    Unreachable,
}

impl TaskEnd {
    /// As a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recap {
    /// Tasks that ran.
    pub ok: u32,
    /// Tasks that changed something.
    pub changed: u32,
    /// Tasks that did not apply.
    pub skipped: u32,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum AnsibleError {
    /// Ansible is not installed where the configuration says.
    #[error("Ansible is not usable: {message}")]
    Missing {
        /// What is missing, and the remedy.
        message: String,
    },
    /// A task failed.
    #[error("{} failed on host {host}: {message}", task_of(role.as_deref(), task))]
    Task {
        /// The role, where the task is in one.
        role: Option<String>,
        /// The task's name.
        task: String,
        /// The host.
        host: String,
        /// What the module said.
        message: String,
    },
    /// The connection broke.
    #[error("host {host} became unreachable in {}: {message}", task_of(role.as_deref(), task))]
    Unreachable {
        /// The role, where the task is in one.
        role: Option<String>,
        /// The task's name.
        task: String,
        /// The host.
        host: String,
        /// What SSH said.
        message: String,
    },
    /// The run did not end in time.
    #[error("Ansible did not end within {limit_secs} s; it was in {last}")]
    Timeout {
        /// The bound.
        limit_secs: u64,
        /// The task that ran last.
        last: String,
    },
    /// Ansible itself failed: a playbook that does not parse, a role that is not there.
    #[error("Ansible ended with code {code}: {message}")]
    Ended {
        /// Its exit code.
        code: i32,
        /// The end of what it said.
        message: String,
    },
    /// This host failed.
    #[error("cannot run Ansible in {}: {message}", folder.display())]
    Host {
        /// The private data folder.
        folder: PathBuf,
        /// What went wrong.
        message: String,
    },
}

fn task_of(role: Option<&str>, task: &str) -> String {
    match role {
        Some(role) => format!("task \"{task}\" of role {role}"),
        None => format!("task \"{task}\""),
    }
}

/// Receives progress.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What runs playbooks: the real one, or a scripted one in tests.
#[async_trait]
pub trait AnsibleRunner: Send + Sync + 'static {
    /// The version of ansible-core; part of the signature.
    fn version(&self) -> Result<String, AnsibleError>;

    /// Runs a playbook to its end. Dropping the future ends it at once.
    async fn run(&self, run: &PlaybookRun, progress: OnProgress<'_>)
    -> Result<Recap, AnsibleError>;
}
