//! Ansible that does as it is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::ansible::{
    AnsibleError, AnsibleRunner, OnProgress, Playbook, PlaybookRun, Progress, Recap, TaskEnd,
};

/// Notes what was run, and fails where it was told to.
#[derive(Default)]
pub(crate) struct ScriptedAnsible {
    runs: Mutex<Vec<String>>,
    plays: Mutex<Vec<Value>>,
    failing: Mutex<Option<(String, u32, How)>>,
    hanging: Mutex<Option<String>>,
    hangs: AtomicBool,
    gossip: Mutex<Option<Gossip>>,
}

/// How a run fails, given its name and what it has to say.
pub(crate) type How = fn(String, Option<String>) -> AnsibleError;

fn it_broke(name: String, said: Option<String>) -> AnsibleError {
    AnsibleError::Task {
        role: Some(name),
        task: "Do it".to_owned(),
        host: "image".to_owned(),
        message: said.unwrap_or_else(|| "it broke".to_owned()),
    }
}

/// What every run says, given the private key that it logs in with.
pub(crate) type Gossip = Box<dyn Fn(&str) -> String + Send>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedAnsible {
    /// The names of all runs so far, without the attempt.
    pub(crate) fn runs(&self) -> Vec<String> {
        lock(&self.runs).clone()
    }

    /// The plays of all runs so far.
    #[cfg(test)]
    pub(crate) fn plays(&self) -> Vec<Value> {
        lock(&self.plays).clone()
    }

    /// Lets runs whose name begins so fail, this many times.
    pub(crate) fn fail(&self, name: &str, times: u32) {
        self.fail_as(name, times, it_broke);
    }

    /// The same, with another error.
    pub(crate) fn fail_as(&self, name: &str, times: u32, how: How) {
        *lock(&self.failing) = Some((name.to_owned(), times, how));
    }

    /// Lets every run tell all that it knows: in names, notes, output and complaints.
    pub(crate) fn gossip(&self, gossip: Gossip) {
        *lock(&self.gossip) = Some(gossip);
    }

    /// Lets runs whose name begins so never end.
    pub(crate) fn hang(&self, name: Option<&str>) {
        *lock(&self.hanging) = name.map(str::to_owned);
        self.hangs.store(false, Ordering::SeqCst);
    }

    /// Whether no run is yet to hang that was told to.
    pub(crate) fn hangs_as_told(&self) -> bool {
        lock(&self.hanging).is_none() || self.hangs.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl AnsibleRunner for ScriptedAnsible {
    fn version(&self) -> Result<String, AnsibleError> {
        Ok("2.19.0".to_owned())
    }

    async fn run(
        &self,
        run: &PlaybookRun,
        progress: OnProgress<'_>,
    ) -> Result<Recap, AnsibleError> {
        let name = run
            .ident
            .rsplit_once('-')
            .map_or(run.ident.as_str(), |(name, _)| name)
            .to_owned();
        lock(&self.runs).push(name.clone());
        if let Playbook::Plays(plays) = &run.playbook {
            lock(&self.plays).push(plays.clone());
        }
        progress(Progress::Task {
            number: 1,
            name: "Do it".to_owned(),
            role: Some(name.clone()),
        });
        let said = lock(&self.gossip)
            .as_ref()
            .map(|gossip| gossip(&private_key(run)));
        if let Some(said) = &said {
            progress(Progress::Output {
                number: 1,
                text: format!("{said}\n"),
            });
            progress(Progress::Note(said.clone()));
            progress(Progress::Task {
                number: 2,
                name: said.clone(),
                role: Some(said.clone()),
            });
        }
        let hangs = lock(&self.hanging)
            .as_deref()
            .is_some_and(|prefix| name.starts_with(prefix));
        if hangs {
            self.hangs.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        let number = if said.is_some() { 2 } else { 1 };
        if let Some((prefix, times, how)) = &mut *lock(&self.failing)
            && name.starts_with(prefix.as_str())
            && *times > 0
        {
            *times -= 1;
            let end = TaskEnd::Failed;
            progress(Progress::TaskEnded { number, end });
            return Err(how(name, said));
        }
        let end = TaskEnd::Changed;
        progress(Progress::TaskEnded { number, end });
        Ok(Recap {
            ok: 1,
            changed: 1,
            skipped: 0,
        })
    }
}

fn private_key(run: &PlaybookRun) -> String {
    let arguments = run.connection.arguments.iter();
    let mut files = arguments.filter_map(|one| one.strip_prefix("IdentityFile="));
    let file = files.next().unwrap_or_default();
    std::fs::read_to_string(file).unwrap_or_default()
}
