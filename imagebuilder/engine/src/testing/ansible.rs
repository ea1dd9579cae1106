//! Ansible that does as it is told.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::ansible::{
    AnsibleError, AnsibleRunner, OnProgress, Playbook, PlaybookRun, Progress, Recap,
};

/// What a run of kube-bench gives: one target, one check that passes.
const REPORT: &str = r#"{"Controls":[{"id":"4","version":"cis-1.12","text":"Worker","node_type":"node","tests":[
    {"section":"4.1","type":"","pass":1,"fail":0,"warn":0,"info":0,"desc":"Files","results":[
    {"test_number":"4.1.1","test_desc":"kubelet service file","audit":"","AuditEnv":"","AuditConfig":"","type":"","remediation":"chmod 600",
     "test_info":[],"status":"PASS","actual_value":"600","scored":true,"IsMultiple":false,"expected_result":"600"}]}],
    "total_pass":1,"total_fail":0,"total_warn":0,"total_info":0}],
    "Totals":{"total_pass":1,"total_fail":0,"total_warn":0,"total_info":0}}"#;

/// The same check, failed.
fn failing() -> String {
    REPORT
        .replace("PASS", "FAIL")
        .replace("pass\":1", "pass\":0")
        .replace("fail\":0", "fail\":1")
}

/// Notes what was run, and fails where it was told to.
#[derive(Default)]
pub(crate) struct ScriptedAnsible {
    runs: Mutex<Vec<String>>,
    failing: Mutex<Option<(String, u32)>>,
    hanging: Mutex<Option<String>>,
    bad_check: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedAnsible {
    /// The names of all runs so far, without the attempt.
    pub(crate) fn runs(&self) -> Vec<String> {
        lock(&self.runs).clone()
    }

    /// Lets runs whose name begins so fail, this many times.
    pub(crate) fn fail(&self, name: &str, times: u32) {
        *lock(&self.failing) = Some((name.to_owned(), times));
    }

    /// Lets runs whose name begins so never end.
    pub(crate) fn hang(&self, name: Option<&str>) {
        *lock(&self.hanging) = name.map(str::to_owned);
    }

    /// Lets kube-bench find something.
    pub(crate) fn break_check(&self) {
        *lock(&self.bad_check) = true;
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
        progress(Progress::Task {
            number: 1,
            name: "Do it".to_owned(),
            role: Some(name.clone()),
        });
        let hangs = lock(&self.hanging)
            .as_deref()
            .is_some_and(|prefix| name.starts_with(prefix));
        if hangs {
            std::future::pending::<()>().await;
        }
        if let Some((prefix, times)) = &mut *lock(&self.failing)
            && name.starts_with(prefix.as_str())
            && *times > 0
        {
            *times -= 1;
            return Err(AnsibleError::Task {
                role: Some(name),
                task: "Do it".to_owned(),
                host: "image".to_owned(),
                message: "it broke".to_owned(),
            });
        }
        if let Playbook::Collection("kube_bench") = run.playbook {
            let path = run
                .extra_vars
                .get("kube_bench_output")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let report = if *lock(&self.bad_check) {
                failing()
            } else {
                REPORT.to_owned()
            };
            std::fs::write(path, report).expect("the report can be written");
        }
        Ok(Recap {
            ok: 1,
            changed: 1,
            skipped: 0,
        })
    }
}
