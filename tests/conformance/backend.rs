//! What a server under test keeps things in. Another backend is another entry of [`BACKENDS`].

use std::path::Path;

use anyhow::Result;
use e2e::server::Server;
use tests_objects::ObjectServer;
use tests_postgres::Postgres;

/// Where blobs and metadata lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// The lines of the configuration that choose it.
    prepare: fn(&Path) -> Result<String>,
}

/// Every combination that is served.
pub(crate) const BACKENDS: &[Backend] = &[
    Backend {
        name: "filesystem and SQLite",
        prepare: |_| Ok(String::new()),
    },
    Backend {
        name: "filesystem and PostgreSQL",
        prepare: postgres,
    },
    Backend {
        name: "S3 and SQLite",
        prepare: s3,
    },
    Backend {
        name: "S3 and PostgreSQL",
        prepare: |folder| Ok(format!("{}\n{}", postgres(folder)?, s3(folder)?)),
    },
];

fn postgres(folder: &Path) -> Result<String> {
    let file = folder.join("database-url");
    std::fs::write(&file, Postgres::shared().database())?;
    Ok(format!("registry.database_file = {file:?}"))
}

fn s3(folder: &Path) -> Result<String> {
    let server = ObjectServer::shared_s3();
    let place = server.place(&server.prefix());
    let secret = folder.join("secret");
    std::fs::write(&secret, place.secret)?;
    Ok(format!(
        "storage.url = {:?}\nstorage.endpoint = {:?}\nstorage.region = {:?}\n\
         storage.access_key = {:?}\nstorage.secret_file = {secret:?}",
        place.url, place.endpoint, place.region, place.access_key
    ))
}

impl Backend {
    /// Starts a server on this backend in a folder of its own, with more lines of its
    /// configuration, each `table.key = value`.
    pub(crate) fn start(&self, folder: &Path, more: &str) -> Result<Server> {
        let lines = (self.prepare)(folder)?;
        let file = folder.join("packyard.toml");
        // One process for each test: what builds images stays out of it.
        let text = format!("builder.enabled = false\n{more}\n{lines}\n");
        std::fs::write(&file, text)?;
        let config = file.to_string_lossy().into_owned();
        let server = Server::start(&folder.join("data"), &["--config", &config])?;
        Ok(server)
    }
}
