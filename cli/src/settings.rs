//! The configuration of `packyard serve`: the tables of the servers together,
//! read from a file, the environment and the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagebuilder_engine::{Limits, MachineSize, ProjectQuota, ReachRule, SlotRule};
use imagebuilder_server::Webhooks;
use proxies::{Direct, Proxies, ProxyUrl};
use registry_server::Admission;
use registry_store::{Collection, Database, DatabaseUrl, PostgresConfig};
use serde::{Deserialize, Serialize};
use service::config::{AuthConfig, ConfigErrors, LogConfig, Section, ServerConfig, TracesConfig};
use service::{config, section};

use crate::context;
use crate::error::CliError;

mod storage;

pub(crate) use storage::StorageSettings;

section! {
    /// What the registry accepts and keeps.
    pub struct RegistrySettings in "registry" {
        /// What happens to a pack that lint complains about: `off` says nothing,
        /// `warn` warns whoever pushes it, `enforce` refuses packs with errors.
        pub admission: AdmissionSetting = AdmissionSetting::Warn, env "PACKYARD_ADMISSION";
        /// Whether a published version of a pack can never change.
        pub immutable_packs: bool = true, env "PACKYARD_IMMUTABLE_PACKS";
        /// Whether tags, manifests and blobs can be deleted.
        pub allow_delete: bool = true, env "PACKYARD_ALLOW_DELETE";
        /// Whether a manifest may name content that is not there yet, as an index
        /// of few of its platforms does. Otherwise such a manifest is refused.
        pub allow_missing_references: bool = false, env "PACKYARD_ALLOW_MISSING_REFERENCES";
        /// The largest blob, in bytes. An object store takes 226 GiB at most.
        pub max_blob_bytes: u64 = 1 << 40, env "PACKYARD_MAX_BLOB_BYTES";
        /// Whether pulls are sent to the object store by a redirect to a signed
        /// address, which holds for 20 minutes. Clients must reach its endpoint.
        pub redirect: bool = false, env "PACKYARD_REDIRECT";
        /// The address of a PostgreSQL database for the registry's metadata, such as
        /// `postgres://packyard:PASSWORD@db.example.com/packyard?sslmode=verify-full`.
        /// When it is not set, SQLite keeps them in the data folder. Several servers
        /// may share one database. The password is never logged.
        pub database: Option<DatabaseUrl> = None, env "PACKYARD_DATABASE_URL";
        /// A file that holds that address and nothing else, for those who keep
        /// secrets in files.
        pub database_file: Option<PathBuf> = None, env "PACKYARD_DATABASE_URL_FILE";
        /// How many connections this server opens to PostgreSQL at most. All servers
        /// together must stay below the `max_connections` of PostgreSQL.
        pub database_connections: u32 = 16, env "PACKYARD_DATABASE_CONNECTIONS";
        /// How long a pushed blob waits for a manifest that names it, in seconds. Then
        /// garbage collection may take it.
        pub blob_lease_secs: u64 = 86_400, env "PACKYARD_BLOB_LEASE_SECS";
        /// After how long an upload that nobody touches is given up, in seconds. A repository
        /// takes 1,000 open uploads, and those of clients that crashed are among them.
        pub upload_lifetime_secs: u64 = 86_400, env "PACKYARD_UPLOAD_LIFETIME_SECS";
        /// How often garbage is collected, in seconds; 0 leaves it to
        /// `packyard admin gc`. Servers that share a database share the schedule.
        pub gc_interval_secs: u64 = 3600, env "PACKYARD_GC_INTERVAL_SECS";
        /// How long the bytes of a blob that no repository holds stay for those who
        /// still read them, and how long the blobs of a deleted manifest stay for those
        /// who just found them there, in seconds.
        pub gc_grace_secs: u64 = 3600, env "PACKYARD_GC_GRACE_SECS";
        /// After how many days an untagged manifest goes that no tag reaches, be it
        /// through an index or as the referrer of another one. When it is not set,
        /// untagged manifests stay.
        pub gc_untagged_days: Option<u32> = None, env "PACKYARD_GC_UNTAGGED_DAYS";
        /// How many things garbage collection removes in a second at most, so that it
        /// does not disturb others.
        pub gc_per_second: u32 = 200, env "PACKYARD_GC_PER_SECOND";
    }
}

section! {
    /// How images are built.
    pub struct BuilderSettings in "builder" {
        /// Whether this process builds images. Without it, it is a registry only.
        pub enabled: bool = true, env "PACKYARD_BUILDER";
        /// The Python virtual environment with ansible-core and ansible-runner.
        /// When it is not set, the one that the set-up script makes is used:
        /// `venv` in Packyard's cache folder.
        pub venv: Option<PathBuf> = None, env "PACKYARD_VENV";
        /// The registry that packs come from and images go to, for `packyard builder
        /// serve`. Inside `packyard serve` it is that very server.
        pub registry: Option<String> = None, env "PACKYARD_BUILDER_REGISTRY";
        /// The address of a PostgreSQL database for the queue and the journal of builds,
        /// such as `postgres://packyard:PASSWORD@db.example.com/builds`; not the one of
        /// `registry.database`. When it is not set, SQLite keeps them in the data folder.
        /// Several builders may share one database: they work on one queue. The password
        /// is never logged.
        pub database: Option<DatabaseUrl> = None, env "PACKYARD_BUILDER_DATABASE_URL";
        /// A file that holds that address and nothing else.
        pub database_file: Option<PathBuf> = None, env "PACKYARD_BUILDER_DATABASE_URL_FILE";
        /// How many connections this builder opens to PostgreSQL at most.
        pub database_connections: u32 = 8, env "PACKYARD_BUILDER_DATABASE_CONNECTIONS";
        /// How many builds run at once in this process.
        pub slots: usize = 1, env "PACKYARD_BUILDER_SLOTS";
        /// How many builds run at once in all builders of the queue, by provider, region
        /// and machine size: `["qemu/local/*=4", "qemu/*/4x8192=1"]`. A build waits while
        /// any rule that fits it is full. Tell all builders the same.
        pub limits: Vec<SlotRule> = Vec::new(), env "PACKYARD_BUILDER_LIMITS";
        /// What projects may have: builds at once, minutes of building a day (UTC), builds
        /// that have not ended. `["* builds=4 queued=100", "team-a builds=8 minutes=600"]`;
        /// `*` is every project that is not named. What is not said has no bound, but for
        /// `queued`, which is 1000. Builds over the first two wait; over the last they are
        /// refused. Tell all builders the same.
        pub quotas: Vec<ProjectQuota> = Vec::new(), env "PACKYARD_BUILDER_QUOTAS";
        /// Processors of a build machine.
        pub machine_cpus: u16 = 2, env "PACKYARD_MACHINE_CPUS";
        /// Memory of a build machine, in bytes.
        pub machine_memory_bytes: u64 = 2 << 30, env "PACKYARD_MACHINE_MEMORY_BYTES";
        /// Other sizes of build machines, tried in order where the provider has no room for
        /// the usual one: processors and MiB of memory, `["2x4096", "4x4096"]`.
        pub other_machines: Vec<MachineSize> = Vec::new(), env "PACKYARD_OTHER_MACHINES";
        /// Size of an image's disk, in bytes. It is part of an image's signature.
        pub disk_size_bytes: u64 = 8 << 30, env "PACKYARD_DISK_SIZE_BYTES";
        /// How long a machine may take until it answers over SSH, in seconds. An
        /// emulated machine on a busy host needs minutes.
        pub boot_timeout_secs: u64 = 600, env "PACKYARD_BOOT_TIMEOUT_SECS";
        /// How long the roles of one stage may take, in seconds: one that never ends is
        /// ended then.
        pub stage_timeout_secs: u64 = 3600, env "PACKYARD_STAGE_TIMEOUT_SECS";
        /// How long a machine may live, in seconds. By then it has switched itself off,
        /// whoever forgot it; a build that takes longer fails.
        pub machine_lifetime_secs: u64 = 6 * 3600, env "PACKYARD_MACHINE_LIFETIME_SECS";
        /// What a build's machine may reach: hosts (`deb.example.org`), all hosts below a name
        /// (`*.example.org`), addresses and networks (`10.1.0.0/16`). They may be asked on the
        /// ports 80 and 443, or on the one that an entry names (`git.example.org:8443`). A name
        /// that leads to an address which is not public needs that address listed too. The empty
        /// list is nothing; when it is not set, a machine reaches what this host reaches.
        pub reach: Option<Vec<ReachRule>> = None, env "PACKYARD_BUILDER_REACH";
        /// The proxy that leads out of this site, `http://HOST:PORT`, for build machines,
        /// webhooks and the registry. When it is not set, those of the environment are taken:
        /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, without those of `NO_PROXY`. It may hold a
        /// user and a password, which are never logged. What is on this machine is never asked
        /// for through a proxy.
        pub proxy: Option<ProxyUrl> = None, env "PACKYARD_BUILDER_PROXY";
        /// What is called without the proxy: names with all below them, addresses, networks;
        /// `*` is everything.
        pub no_proxy: Vec<Direct> = Vec::new(), env "PACKYARD_BUILDER_NO_PROXY";
        /// How much the disks of captured stages and base images may take on this host,
        /// in bytes; 0 is no limit. What was not used for longest goes first, and never
        /// what an unfinished build may need.
        pub stage_store_bytes: u64 = 100 << 30, env "PACKYARD_STAGE_STORE_BYTES";
        /// For how many days the logs and events of builds that ended are kept. The
        /// record of a build stays.
        pub keep_logs_days: u32 = 30, env "PACKYARD_KEEP_LOGS_DAYS";
        /// Of how many builds that ended the logs and events are kept.
        pub keep_logs_builds: u32 = 500, env "PACKYARD_KEEP_LOGS_BUILDS";
        /// Addresses that are told when a build ends or an image is revoked, in the form
        /// of Standard Webhooks. An address is never asked for anything else, and no
        /// redirect is followed.
        pub webhook_urls: Vec<String> = Vec::new(), env "PACKYARD_WEBHOOK_URLS";
        /// A file that holds the key with which webhooks are signed, and nothing else.
        pub webhook_secret_file: Option<PathBuf> = None, env "PACKYARD_WEBHOOK_SECRET_FILE";
    }
}

impl RegistrySettings {
    /// What a garbage collection removes.
    pub(crate) fn collection(&self) -> Collection {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Collection {
            grace: Duration::from_secs(self.gc_grace_secs),
            untagged_age: self.gc_untagged_days.map(|days| DAY * days),
            per_second: self.gc_per_second,
            dry_run: false,
        }
    }

    /// What keeps the registry's metadata.
    pub(crate) fn database(&self) -> Result<Database, CliError> {
        let url = (&self.database, &self.database_file);
        database("registry", url, self.database_connections)
    }
}

impl BuilderSettings {
    /// What keeps the builder's journal. It is never the registry's database: each has
    /// tables and migrations of its own.
    pub(crate) fn database(&self, registry: &RegistrySettings) -> Result<Database, CliError> {
        let url = (&self.database, &self.database_file);
        let own = database("builder", url, self.database_connections)?;
        if let (Database::Postgres(own), Database::Postgres(registry)) =
            (&own, &registry.database()?)
            && own.url.leads_to_same(&registry.url)
        {
            return Err(CliError::usage(
                "builder.database and registry.database name the same database",
            )
            .hint("create another database on the same PostgreSQL server, and name that one"));
        }
        Ok(own)
    }

    /// How much may run at once.
    pub(crate) fn bounds(&self) -> Limits {
        let mut limits = Limits {
            slots: self.limits.clone(),
            ..Limits::default()
        };
        for ProjectQuota { project, quota } in self.quotas.clone() {
            match project.as_str() {
                "*" => limits.each_project = quota,
                _ => drop(limits.projects.insert(project, quota)),
            }
        }
        limits
    }

    /// The proxies that lead out of this site.
    pub(crate) fn proxies(&self) -> Result<Proxies, CliError> {
        let proxies = match &self.proxy {
            Some(proxy) => Proxies::new(proxy.clone()),
            None => context::proxies()?,
        };
        // The way from a build machine goes on to the proxy as it is.
        if let Some(proxy) = proxies.each().find(|proxy| proxy.is_tls()) {
            return Err(CliError::usage(format!(
                "the builder cannot use the proxy {proxy}: it is spoken to in plain HTTP only"
            ))
            .hint("set builder.proxy to a proxy at http://HOST:PORT"));
        }
        Ok(proxies.without(&self.no_proxy))
    }

    /// Who is told of what happens.
    pub(crate) fn webhooks(&self) -> Result<Option<Webhooks>, CliError> {
        if self.webhook_urls.is_empty() {
            return Ok(None);
        }
        let Some(file) = &self.webhook_secret_file else {
            return Err(CliError::usage(
                "builder.webhook_urls is set and builder.webhook_secret_file is not: a receiver could not tell who speaks",
            )
            .hint("write a long random text into a file, and name the file"));
        };
        let secret =
            std::fs::read_to_string(file).map_err(|error| CliError::io("read", file, &error))?;
        let secret = secret.trim().to_owned();
        if secret.len() < SHORTEST_KEY {
            return Err(CliError::usage(format!(
                "the key in {} has less than {SHORTEST_KEY} characters",
                file.display()
            ))
            .hint("openssl rand -base64 32"));
        }
        for url in &self.webhook_urls {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(
                    CliError::usage(format!("builder.webhook_urls: {url} is no address"))
                        .hint("write https://HOST/PATH"),
                );
            }
        }
        Ok(Some(Webhooks {
            urls: self.webhook_urls.clone(),
            secret,
        }))
    }
}

/// Of a key that signs webhooks.
const SHORTEST_KEY: usize = 16;

/// The database of a table: its address, or the file that holds it.
fn database(
    table: &str,
    (url, file): (&Option<DatabaseUrl>, &Option<PathBuf>),
    connections: u32,
) -> Result<Database, CliError> {
    let url = match (url, file) {
        (Some(_), Some(_)) => {
            return Err(CliError::usage(format!(
                "{table}.database and {table}.database_file say the same; set one of them"
            )));
        }
        (Some(url), None) => url.clone(),
        (None, Some(file)) => read_url(table, file)?,
        (None, None) => return Ok(Database::Sqlite),
    };
    Ok(Database::Postgres(PostgresConfig {
        connections,
        ..PostgresConfig::new(url)
    }))
}

fn read_url(table: &str, file: &Path) -> Result<DatabaseUrl, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::io("read", file, &error))?;
    text.trim().parse().map_err(|error| {
        CliError::usage(format!("{}: {error}", file.display())).hint(format!(
            "the file named by {table}.database_file holds one line, the address"
        ))
    })
}

/// `registry.admission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdmissionSetting {
    /// Say nothing.
    Off,
    /// Warn.
    Warn,
    /// Refuse errors.
    Enforce,
}

impl From<AdmissionSetting> for Admission {
    fn from(setting: AdmissionSetting) -> Self {
        match setting {
            AdmissionSetting::Off => Self::Off,
            AdmissionSetting::Warn => Self::Warn,
            AdmissionSetting::Enforce => Self::Enforce,
        }
    }
}

/// All tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) server: ServerConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) log: LogConfig,
    pub(crate) traces: TracesConfig,
    pub(crate) registry: RegistrySettings,
    pub(crate) storage: StorageSettings,
    pub(crate) builder: BuilderSettings,
}

impl Settings {
    /// Reads a file and the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, CliError> {
        let mut settings = Self::default();
        if let Some(path) = file {
            settings.read_file(path)?;
        }
        config::apply_environment(|name| std::env::var(name).ok(), &mut settings.sections())
            .map_err(refuse)?;
        Ok(settings)
    }

    /// Reads a file alone, as `packyard config check` does.
    pub(crate) fn read_file(&mut self, path: &Path) -> Result<(), CliError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| CliError::io("read", path, &error))?;
        config::apply_file(&text, &path.display().to_string(), &mut self.sections()).map_err(refuse)
    }

    /// The reference as Markdown.
    pub(crate) fn reference() -> String {
        let all = Self::default();
        config::reference(&[
            &all.server,
            &all.auth,
            &all.log,
            &all.traces,
            &all.registry,
            &all.storage,
            &all.builder,
        ])
    }

    fn sections(&mut self) -> [&mut dyn Section; 7] {
        [
            &mut self.server,
            &mut self.auth,
            &mut self.log,
            &mut self.traces,
            &mut self.registry,
            &mut self.storage,
            &mut self.builder,
        ]
    }
}

fn refuse(errors: ConfigErrors) -> CliError {
    CliError::usage(format!("the configuration is wrong\n{errors}"))
        .hint("`packyard config reference` lists every key")
}
