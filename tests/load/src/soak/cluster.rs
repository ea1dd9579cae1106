//! The servers of a soak: one on a folder, or several on one PostgreSQL and one bucket.
//!
//! Database and bucket are real servers on this machine that nobody kills: what is tried is
//! what ours make of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::shared::{Shared, count};
use crate::server::{Backing, Kind, Programs, Server, pause};

/// What no manifest names goes while the soak runs, and later than any client takes to name it.
/// Each kill leaves uploads open that no client goes on with: they go before they are too many.
const SETTINGS: &str = "registry.blob_lease_secs = 60\nregistry.gc_grace_secs = 10\n\
    registry.upload_lifetime_secs = 120\n";
/// Before a server is asked to end, its balancer sends it nothing new for so long.
const DRAIN: Duration = Duration::from_millis(500);

pub(super) struct Cluster {
    programs: Programs,
    data: PathBuf,
    servers: Vec<Option<Server>>,
    _backing: Option<Backing>,
}

impl Cluster {
    /// Starts so many servers below a folder.
    pub(super) fn start(packyard: &Path, data: &Path, servers: usize) -> Result<Self> {
        let file = data.join("packyard.toml");
        let backing = match servers {
            0 | 1 => {
                std::fs::write(&file, SETTINGS)
                    .with_context(|| format!("write {}", file.display()))?;
                None
            }
            _ => Some(Backing::shared(&file, SETTINGS)?),
        };
        let programs = Programs {
            packyard: packyard.to_owned(),
            distribution: PathBuf::new(),
            config: Some(file),
        };
        let mut cluster = Self {
            programs,
            data: data.to_owned(),
            servers: Vec::new(),
            _backing: backing,
        };
        for number in 0..servers.max(1) {
            let server = cluster.start_one(number)?;
            cluster.servers.push(Some(server));
        }
        Ok(cluster)
    }

    pub(super) fn shared(&self) -> Shared {
        let servers = self.servers.iter().flatten();
        let addresses: Vec<_> = servers.map(|server| server.address).collect();
        Shared::new(&addresses)
    }

    pub(super) fn len(&self) -> usize {
        self.servers.len()
    }

    /// Kills a server and starts it again.
    pub(super) fn kill(&mut self, number: usize, shared: &Shared) -> Result<()> {
        shared.killing(number);
        if let Some(server) = self.servers[number].take() {
            server.kill()?;
        }
        self.again(number, shared)
            .context("start a server after a kill")?;
        count(&shared.counts.kills);
        Ok(())
    }

    /// Takes a server out of service, ends it as an operator would, and starts it again.
    pub(super) fn restart(&mut self, number: usize, shared: &Shared) -> Result<()> {
        shared.leaving(number);
        pause(DRAIN);
        if let Some(server) = self.servers[number].take() {
            server.stop()?;
        }
        self.again(number, shared).context("start a server again")?;
        count(&shared.counts.restarts);
        Ok(())
    }

    /// Ends all servers.
    pub(super) fn stop(self) -> Result<()> {
        self.servers
            .into_iter()
            .flatten()
            .try_for_each(Server::stop)
    }

    fn again(&mut self, number: usize, shared: &Shared) -> Result<()> {
        let server = self.start_one(number)?;
        shared.back(number, server.address);
        self.servers[number] = Some(server);
        Ok(())
    }

    fn start_one(&self, number: usize) -> Result<Server> {
        let folder = self.data.join(format!("server{number}"));
        Server::start(Kind::Ours, &self.programs, &folder, None)
    }
}
