//! The test program once more, as a process that can be killed.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use registry_store::{Database, PostgresConfig, StoreConfig};

const FOLDER: &str = "PACKYARD_TEST_CHILD_FOLDER";
/// SIGKILL.
const KILLED: i32 = 9;
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

/// Runs a test of a module in a process of its own that ends at its `point`th crash point; true
/// when it came to its end because it has fewer.
pub(crate) fn crash_at(module: &str, test: &str, config: &StoreConfig, point: u64) -> bool {
    let mut command = command(module, test, config);
    command.env("PACKYARD_TEST_CRASH_AT", point.to_string());
    let ended = command.status().expect("a child");
    assert!(
        ended.success() || ended.signal() == Some(KILLED),
        "the child neither ended well nor was killed: {ended}"
    );
    ended.success()
}

/// Runs `killed_child` of a module in a process of its own, and kills it after a while.
#[expect(
    clippy::disallowed_methods,
    reason = "the child works meanwhile, and the test does nothing else"
)]
pub(crate) fn kill_after(module: &str, config: &StoreConfig, time: Duration) {
    let mut command = command(module, "killed_child", config);
    let mut child = command.spawn().expect("a child");
    std::thread::sleep(time);
    child.kill().expect("a signal");
    child.wait().expect("an end");
}

fn command(module: &str, test: &str, config: &StoreConfig) -> Command {
    let (_, module) = module.split_once("::").expect("a module");
    let mut command = Command::new(std::env::current_exe().expect("the test program"));
    command
        .args([&format!("{module}::{test}"), "--exact", "--ignored"])
        .env(FOLDER, &config.data_dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Database::Postgres(postgres) = &config.database {
        command.env(DATABASE, postgres.url.to_string());
    }
    command
}
