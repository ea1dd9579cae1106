//! A guest that answers as a good image would.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::process::Output;
use crate::ssh::{Forward, Master, Shell, Ssh, SshError};

const PACKAGES: &str = "0123456789abcdef0123456789abcdef\n\nID=debian\nVERSION_ID=\"13\"\n\n\
    libc6\t2.41-12\tamd64\tglibc\tinstalled\n";

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

/// Answers scripts by what they are for.
#[derive(Default)]
pub(crate) struct ScriptedShell {
    broken: Mutex<Option<(String, u32)>>,
    unclean: Mutex<bool>,
    bad_check: Mutex<bool>,
    refused: Mutex<Option<(String, String)>>,
    other_key: Mutex<Option<String>>,
    hanging: Mutex<Option<String>>,
    hangs: AtomicBool,
    gossip: Mutex<String>,
    forwards: Mutex<Vec<Option<Forward>>>,
    up: Mutex<Option<Up>>,
}

/// Whether the guest at an address has booted.
pub(crate) type Up = Box<dyn Fn(SocketAddr) -> bool + Send>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedShell {
    /// Lets scripts for this purpose find no connection, this many times.
    pub(crate) fn disconnect(&self, what: &str, times: u32) {
        *lock(&self.broken) = Some((what.to_owned(), times));
    }

    /// Lets the booted image show a leftover.
    pub(crate) fn leave_traces(&self) {
        *lock(&self.unclean) = true;
    }

    /// Lets scripts for this purpose end with code 1 and this message.
    pub(crate) fn refuse(&self, what: &str, message: &str) {
        *lock(&self.refused) = Some((what.to_owned(), message.to_owned()));
    }

    /// Lets scripts for this purpose find a machine with another host key.
    #[cfg(test)]
    pub(crate) fn change_key(&self, what: &str) {
        *lock(&self.other_key) = Some(what.to_owned());
    }

    /// Lets scripts for this purpose never end.
    pub(crate) fn hang(&self, what: Option<&str>) {
        *lock(&self.hanging) = what.map(str::to_owned);
        self.hangs.store(false, Ordering::SeqCst);
    }

    /// Whether no script is yet to hang that was told to.
    pub(crate) fn hangs_as_told(&self) -> bool {
        lock(&self.hanging).is_none() || self.hangs.load(Ordering::SeqCst)
    }

    /// Lets kube-bench and the guest's logs tell this.
    pub(crate) fn gossip(&self, said: &str) {
        *lock(&self.gossip) = said.to_owned();
    }

    /// What each connection that was kept open carries from the machine.
    #[cfg(test)]
    pub(crate) fn forwards(&self) -> Vec<Option<Forward>> {
        lock(&self.forwards).clone()
    }

    /// Lets machines answer once they have booted, and not at once.
    #[cfg(test)]
    pub(crate) fn answer_when(&self, up: Up) {
        *lock(&self.up) = Some(up);
    }

    /// Lets kube-bench find something.
    pub(crate) fn break_check(&self) {
        *lock(&self.bad_check) = true;
    }
}

#[async_trait]
impl Shell for ScriptedShell {
    async fn run(
        &self,
        ssh: &Ssh,
        what: &str,
        _: &str,
        _: &str,
        _: Duration,
    ) -> Result<Output, SshError> {
        if let Some((purpose, times)) = &mut *lock(&self.broken)
            && purpose == what
            && *times > 0
        {
            *times -= 1;
            return Err(SshError::Connect {
                address: ssh.address,
                message: "connection refused".to_owned(),
            });
        }
        if lock(&self.other_key).as_deref() == Some(what) {
            return Err(SshError::HostKey {
                address: ssh.address,
                message: "Host key verification failed.".to_owned(),
            });
        }
        if let Some((purpose, message)) = &*lock(&self.refused)
            && purpose == what
        {
            return Err(SshError::Command {
                what: what.to_owned(),
                code: 1,
                message: message.clone(),
            });
        }
        let hangs = lock(&self.hanging).as_deref() == Some(what);
        if hangs {
            self.hangs.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        let stdout = match what {
            "list the packages" => PACKAGES.to_owned(),
            "run kube-bench" if *lock(&self.bad_check) => failing(),
            "run kube-bench" => {
                let said = serde_json::Value::from(lock(&self.gossip).as_str()).to_string();
                REPORT.replace("\"600\",\"scored\"", &format!("{said},\"scored\""))
            }
            "read the guest's logs" => {
                let said = lock(&self.gossip);
                format!("\n\u{1}packyard journal.log\n{said}\n\u{1}packyard end\n")
            }
            "look at the booted image" if *lock(&self.unclean) => {
                "fail there are host keys: /etc/ssh/old\npass end\n".to_owned()
            }
            "look at the booted image" => "pass the build user is gone\npass end\n".to_owned(),
            _ => String::new(),
        };
        Ok(Output {
            code: Some(0),
            stdout: stdout.into_bytes(),
            stderr: String::new(),
        })
    }

    async fn greets(&self, ssh: &Ssh) -> bool {
        lock(&self.up).as_ref().is_none_or(|up| up(ssh.address))
    }

    fn open(&self, _: &Ssh, forward: Option<Forward>) -> Result<Option<Master>, SshError> {
        lock(&self.forwards).push(forward);
        Ok(None)
    }
}
