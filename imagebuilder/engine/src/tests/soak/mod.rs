//! Many builds, several worker processes, one of them killed every few seconds: every build
//! comes to its image, once, and nothing is left.
//!
//! The cloud and the registry are served by the process of the test over a socket, so what
//! a killed worker half made is still there. A worker is this very test program again, run
//! for its test `worker` alone.

mod cloud;
mod drive;
mod far;
mod figures;
mod traced;
mod worker;

use std::time::Duration;

use drive::Plan;

/// The soak of `cargo xtask soak-build`: minutes long, so only on demand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; cargo xtask soak-build runs it"]
async fn a_thousand_builds() {
    let number = |name: &str, usual: u64| {
        let said = std::env::var(name).ok();
        said.map_or(usual, |text| text.parse().expect("a number"))
    };
    let plan = Plan {
        builds: number("SOAK_BUILDS", 1000),
        workers: number("SOAK_WORKERS", 3),
        at_once: number("SOAK_AT_ONCE", 50),
        between_kills: Some(Duration::from_secs(number("SOAK_KILL_SECS", 5)))
            .filter(|time| !time.is_zero()),
        limit: Duration::from_secs(number("SOAK_LIMIT_SECS", 3600)),
    };
    let figures = drive::run(&plan).await;
    println!("{figures}");
    if let Ok(file) = std::env::var("SOAK_SUMMARY") {
        std::fs::write(file, figures.json()).expect("written");
    }
    figures.check();
}

/// The same, small enough for every run of the tests.
#[tokio::test(flavor = "multi_thread")]
async fn killed_workers_lose_nothing_and_double_nothing() {
    let plan = Plan {
        builds: 24,
        workers: 2,
        at_once: 8,
        between_kills: Some(Duration::from_secs(2)),
        limit: Duration::from_secs(300),
    };
    let figures = drive::run(&plan).await;
    println!("{figures}");
    figures.check();
}
