//! The test program once more, as a process that can be killed.

use std::process::{Command, Stdio};
use std::time::Duration;

use registry_store::{Database, PostgresConfig, StoreConfig};

const FOLDER: &str = "PACKYARD_TEST_CHILD_FOLDER";
const DATABASE: &str = "PACKYARD_TEST_CHILD_DATABASE";

/// In the child: the store that it was started for.
pub(crate) fn config() -> Option<StoreConfig> {
    let mut config = StoreConfig::new(std::env::var_os(FOLDER)?);
    if let Ok(url) = std::env::var(DATABASE) {
        config.database = Database::Postgres(PostgresConfig::new(url.parse().ok()?));
    }
    config.lease = Duration::ZERO;
    Some(config)
}

/// Runs `killed_child` of a module in a process of its own, and kills it after a while.
#[expect(
    clippy::disallowed_methods,
    reason = "the child works meanwhile, and the test does nothing else"
)]
pub(crate) fn kill_after(module: &str, config: &StoreConfig, time: Duration) {
    let (_, module) = module.split_once("::").expect("a module");
    let mut command = Command::new(std::env::current_exe().expect("the test program"));
    command
        .args([&format!("{module}::killed_child"), "--exact", "--ignored"])
        .env(FOLDER, &config.data_dir)
        .stdout(Stdio::null());
    if let Database::Postgres(postgres) = &config.database {
        command.env(DATABASE, postgres.url.to_string());
    }
    let mut child = command.spawn().expect("a child");
    std::thread::sleep(time);
    child.kill().expect("a signal");
    child.wait().expect("an end");
}
