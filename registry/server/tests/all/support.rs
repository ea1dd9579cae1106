//! A registry on a free port of this machine, for a test to speak to.

use std::ops::Deref;

use registry_server::{RegistryConfig, RegistryState, router};
use tempfile::TempDir;
use tests_speaker::Speaker;
pub(crate) use tests_speaker::{IMAGE, header, refused};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Registry {
    speaker: Speaker,
    pub(crate) state: RegistryState,
    pub(crate) config: RegistryConfig,
    folder: TempDir,
    server: Server,
}

/// The task that serves; it ends with its registry.
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Registry {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut RegistryConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = RegistryConfig::new(folder.path());
        change(&mut config);
        Self::open(folder, config).await
    }

    async fn open(folder: TempDir, config: RegistryConfig) -> Self {
        let state = RegistryState::open(config.clone())
            .await
            .expect("an open registry");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let routes = router(state.clone());
        let server = Server(tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("a server");
        }));
        Self {
            speaker: Speaker::to(address.to_string()),
            state,
            config,
            folder,
            server,
        }
    }

    /// Drops everything that is in memory and opens the folder anew, as after a crash.
    pub(crate) async fn restart(self) -> Self {
        drop(self.server);
        self.state.close().await;
        Self::open(self.folder, self.config).await
    }
}

impl Deref for Registry {
    type Target = Speaker;

    fn deref(&self) -> &Speaker {
        &self.speaker
    }
}
