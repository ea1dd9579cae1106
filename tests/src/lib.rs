//! The harness of the end-to-end tests: starts the real binary, real clients, real machines.
//!
//! The tests themselves are in `tests/`. The harness uses the product only
//! through its program and its ports, as a user does, and never through its
//! crates.

pub mod binary;
pub mod cache;
pub mod fixtures;
pub mod processes;
pub mod publish;
pub mod remnants;
pub mod server;
pub mod tools;

/// Says that a test was skipped and why, in one line that can be searched for.
#[macro_export]
macro_rules! skip {
    ($($why:tt)*) => {{
        println!("skipped: {}", format_args!($($why)*));
        return Ok(());
    }};
}

/// Prints a figure that a test measured; figures are reported and never judged.
#[expect(clippy::print_stdout, reason = "what a test measured is for people")]
pub fn report(what: &str, figure: impl std::fmt::Display) {
    println!("measured: {what}: {figure}");
}
