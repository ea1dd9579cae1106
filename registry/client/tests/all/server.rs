//! A real HTTP server on a free port, with whatever routes a test wants.

use std::sync::{Arc, Mutex};

use axum::Router;
use registry_client::{Client, ClientOptions, Credential, Progress, Transfer};
use registry_pack::RepositoryName;

/// Serves for the rest of the test; answers with the base address.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A client with small chunks.
pub(crate) fn client(server: &str, credential: Option<Credential>) -> Client {
    let mut options = ClientOptions::new(server).with_credential(credential);
    options.chunk_bytes = 100_000;
    Client::new(options).expect("a client")
}

pub(crate) fn repository() -> RepositoryName {
    "library/x".parse().expect("a name")
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(len)
    .collect()
}

/// Remembers every position that it is told.
#[derive(Clone, Default)]
pub(crate) struct Recorder(pub(crate) Arc<Mutex<Vec<u64>>>);

impl Progress for Recorder {
    fn transfer(&self, _: &str, _: u64) -> Arc<dyn Transfer> {
        Arc::new(self.clone())
    }
}

impl Transfer for Recorder {
    fn position(&self, bytes: u64) {
        self.0.lock().expect("a lock").push(bytes);
    }
}
