//! Speaks QEMU's machine protocol: one JSON object per line over a local socket.
//!
//! Only the handful of commands that this crate needs. The known client crate
//! generates all of the protocol's types, which costs far more to build than
//! these lines; answers that matter are read by their keys.

use std::io;
use std::path::Path;
use std::time::Duration;

use imagebuilder_provider::ProviderError;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::layout::QMP_SOCKET;

/// QEMU answers at once, unless the host is starved.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The longest line that is read: the list of block nodes of a deep chain is some 100 kB.
const MAX_LINE_BYTES: u64 = 8 << 20;

/// An open conversation with one QEMU. QEMU serves one at a time.
pub(crate) struct Qmp {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    next_id: u64,
    /// Whether the guest shut the machine down, once it is.
    shut_down: Option<bool>,
}

/// What went wrong in a conversation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QmpError {
    /// The socket is closed, or was never there.
    #[error("QEMU does not answer")]
    Lost(#[source] io::Error),
    /// QEMU refused the command.
    #[error("QEMU refused {command}: {description}")]
    Refused {
        command: String,
        description: String,
    },
}

impl From<QmpError> for ProviderError {
    fn from(error: QmpError) -> Self {
        match &error {
            QmpError::Lost(_) => Self::retry(
                "lost the machine's control socket",
                "ask for the machine's state",
            ),
            QmpError::Refused { description, .. } => {
                crate::diagnose::complaint(error.to_string(), description)
            }
        }
        .because(error)
    }
}

impl Qmp {
    /// Opens the socket in a machine's folder and takes the greeting.
    pub(crate) async fn connect(folder: &Path) -> Result<Self, QmpError> {
        tokio::time::timeout(ANSWER_LIMIT, Self::greet(folder))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn greet(folder: &Path) -> Result<Self, QmpError> {
        // A socket's path has room for 107 bytes; through the open folder any depth will do.
        let open = std::fs::File::open(folder).map_err(QmpError::Lost)?;
        let short = format!(
            "/proc/self/fd/{}/{QMP_SOCKET}",
            std::os::fd::AsRawFd::as_raw_fd(&open)
        );
        let stream = UnixStream::connect(short).await.map_err(QmpError::Lost)?;
        let (reader, writer) = stream.into_split();
        let mut qmp = Self {
            reader: BufReader::new(reader),
            writer,
            next_id: 0,
            shut_down: None,
        };
        qmp.read_object().await?;
        qmp.talk("qmp_capabilities", None).await?;
        Ok(qmp)
    }

    /// Gives a command and waits for its answer.
    pub(crate) async fn execute(
        &mut self,
        command: &str,
        arguments: Value,
    ) -> Result<Value, QmpError> {
        let talk = self.talk(command, Some(arguments));
        tokio::time::timeout(ANSWER_LIMIT, talk)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Waits until the machine shuts down; says whether its guest did that.
    pub(crate) async fn guest_shuts_down(&mut self) -> Result<bool, QmpError> {
        loop {
            if let Some(by_guest) = self.shut_down {
                return Ok(by_guest);
            }
            let event = self.read_object().await?;
            self.note(&event);
        }
    }

    /// Remembers the one event that matters here; it may come before anybody waits for it.
    fn note(&mut self, object: &Value) {
        if object.get("event").and_then(Value::as_str) == Some("SHUTDOWN") {
            let by_guest = object.pointer("/data/guest").and_then(Value::as_bool);
            self.shut_down = Some(by_guest.unwrap_or_default());
        }
    }

    async fn talk(&mut self, command: &str, arguments: Option<Value>) -> Result<Value, QmpError> {
        self.next_id += 1;
        let mut request = json!({ "execute": command, "id": self.next_id });
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        let line = format!("{request}\n");
        self.writer
            .write_all(line.as_bytes())
            .await
            .map_err(QmpError::Lost)?;
        loop {
            let answer = self.read_object().await?;
            self.note(&answer);
            // Events come in between, and the answer to a call that nobody waits for any more.
            if answer.get("id").and_then(Value::as_u64) != Some(self.next_id) {
                continue;
            }
            if let Some(error) = answer.get("error") {
                let description = error
                    .get("desc")
                    .and_then(Value::as_str)
                    .unwrap_or("no reason given");
                return Err(QmpError::Refused {
                    command: command.to_owned(),
                    description: description.to_owned(),
                });
            }
            return Ok(answer.get("return").cloned().unwrap_or_default());
        }
    }

    async fn read_object(&mut self) -> Result<Value, QmpError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(MAX_LINE_BYTES);
        bounded
            .read_until(b'\n', &mut line)
            .await
            .map_err(QmpError::Lost)?;
        if !line.ends_with(b"\n") {
            return Err(QmpError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_slice(&line).map_err(|error| QmpError::Lost(io::Error::other(error)))
    }
}

fn late() -> QmpError {
    QmpError::Lost(io::ErrorKind::TimedOut.into())
}
