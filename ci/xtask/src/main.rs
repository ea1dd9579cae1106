//! The project's own checks and its main job: `cargo xtask VERB`.
//!
//! What CI runs is what a person runs. This knows nothing of the product's
//! crates: it reads the tree, calls programs, and drives `packyard` as a user does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people: what it prints is what it is for"
)]

mod bench_build;
mod bench_registry;
mod docs;
mod finding;
mod release;
mod run;
mod soak_build;
mod tests_all;
mod tidy;
mod tree;
mod walls;

use std::process::ExitCode;

use anyhow::Result;

/// One verb of `cargo xtask`.
struct Verb {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// Every verb; the checks compare what the documents name with this table.
const VERBS: &[Verb] = &[
    Verb {
        name: "walls",
        help: "compare the edges between crates with the allowed ones",
        run: |_| walls::run(),
    },
    Verb {
        name: "tidy",
        help: "look for forgotten files, missing comments and forbidden text",
        run: |_| tidy::run(),
    },
    Verb {
        name: "docs",
        help: "look up every path, command and flag that the documents name",
        run: |_| docs::run(),
    },
    Verb {
        name: "all",
        help: "the checks that take seconds: format, shell, tidy, walls, docs",
        run: tests_all::run_quick,
    },
    Verb {
        name: "test",
        help: "run every check of the project, machines included [--fast: without]",
        run: tests_all::run,
    },
    Verb {
        name: "run",
        help: "the main job on QEMU, then serve until Ctrl-C [--exit: stop then]",
        run: run::run,
    },
    Verb {
        name: "bench-build",
        help: "the main job, measured [--without-by-hand: not beside the script by hand]",
        run: bench_build::run,
    },
    Verb {
        name: "bench-registry",
        help: "the registry beside distribution's, measured",
        run: bench_registry::bench,
    },
    Verb {
        name: "soak",
        help: "push, pull and kill for a time [90s, 10m, 3h]; nothing may be lost",
        run: bench_registry::soak,
    },
    Verb {
        name: "soak-build",
        help: "1,000 builds on fake machines, workers killed; none may be lost [--builds N]",
        run: soak_build::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((verb, rest)) = arguments.split_first() else {
        return usage("say what to do");
    };
    let Some(verb) = VERBS.iter().find(|known| known.name == verb) else {
        return usage(&format!("there is no `{verb}`"));
    };
    match (verb.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<run::Interrupted>() => ExitCode::from(130),
        Err(error) => {
            eprintln!("xtask {}: {error:#}", verb.name);
            ExitCode::FAILURE
        }
    }
}

fn usage(why: &str) -> ExitCode {
    eprintln!("xtask: {why}\n\nusage: cargo xtask VERB");
    for verb in VERBS {
        eprintln!("  {:<14} {}", verb.name, verb.help);
    }
    ExitCode::from(2)
}
