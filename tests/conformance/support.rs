//! A server on each backend in turn, for a test to speak to.

use std::ops::Deref;

use e2e::server::Server;
use tempfile::TempDir;
use tests_speaker::Speaker;
pub(crate) use tests_speaker::{IMAGE, INDEX, header, refused, sha256};

use crate::backend::{BACKENDS, Backend};

/// Runs a check on a new server for each backend.
pub(crate) async fn on_each_backend(check: impl AsyncFn(Registry)) {
    on_each_backend_with("", check).await;
}

/// The same, with more lines of the configuration.
#[expect(clippy::print_stdout, reason = "a failure is told with its backend")]
pub(crate) async fn on_each_backend_with(configuration: &str, check: impl AsyncFn(Registry)) {
    for backend in BACKENDS {
        println!("on {}", backend.name);
        check(Registry::start(backend, configuration)).await;
    }
}

/// A running server with a client.
pub(crate) struct Registry {
    speaker: Speaker,
    running: Server,
    _folder: TempDir,
}

impl Registry {
    fn start(backend: &Backend, configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let running = backend
            .start(folder.path(), configuration)
            .expect("a server");
        Self {
            speaker: Speaker::to(running.host()),
            running,
            _folder: folder,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.running
    }

    pub(crate) fn host(&self) -> &str {
        self.server().host()
    }
}

impl Deref for Registry {
    type Target = Speaker;

    fn deref(&self) -> &Speaker {
        &self.speaker
    }
}
