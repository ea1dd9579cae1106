//! What a registry keeps its things in when it is not its folder: a bucket, and a database that
//! several share. Both are real servers on this machine that nobody kills.

use std::path::Path;

use anyhow::{Context as _, Result};
use tests_objects::ObjectServer;
use tests_postgres::Postgres;

/// Servers behind ours; gone with the value.
pub(crate) struct Backing {
    _objects: ObjectServer,
    _postgres: Option<Postgres>,
}

impl Backing {
    /// A bucket; the configuration that names it goes into a file.
    pub(crate) fn bucket(config: &Path) -> Result<Self> {
        let (objects, text) = bucket(config)?;
        write(config, &text)?;
        Ok(Self {
            _objects: objects,
            _postgres: None,
        })
    }

    /// A bucket and a database, for several registries; more lines for their configuration.
    pub(crate) fn shared(config: &Path, more: &str) -> Result<Self> {
        let (objects, storage) = bucket(config)?;
        let postgres = Postgres::start()?;
        let text = format!(
            "registry.database = {:?}\n{storage}{more}",
            postgres.database()
        );
        write(config, &text)?;
        Ok(Self {
            _objects: objects,
            _postgres: Some(postgres),
        })
    }
}

fn bucket(config: &Path) -> Result<(ObjectServer, String)> {
    let objects = ObjectServer::s3();
    let place = objects.place("load");
    let secret = config.with_extension("secret");
    write(&secret, place.secret)?;
    let text = format!(
        "storage.url = {:?}\nstorage.endpoint = {:?}\nstorage.region = {:?}\n\
         storage.access_key = {:?}\nstorage.secret_file = {secret:?}\n",
        place.url, place.endpoint, place.region, place.access_key,
    );
    Ok((objects, text))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
