//! A guest that answers as a good image would.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::process::Output;
use crate::ssh::{Master, Shell, Ssh, SshError};

const PACKAGES: &str = "0123456789abcdef0123456789abcdef\n\nID=debian\nVERSION_ID=\"13\"\n\n\
    libc6\t2.41-12\tamd64\tglibc\tinstalled\n";

/// Answers scripts by what they are for.
#[derive(Default)]
pub(crate) struct ScriptedShell {
    broken: Mutex<Option<(String, u32)>>,
    unclean: Mutex<bool>,
}

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
        let stdout = match what {
            "list the packages" => PACKAGES.to_owned(),
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

    async fn greets(&self, _: &Ssh) -> bool {
        true
    }

    fn open(&self, _: &Ssh) -> Result<Option<Master>, SshError> {
        Ok(None)
    }
}
