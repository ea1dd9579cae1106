//! `cargo xtask bench-build`: the main job, measured; prints the table for docs/benchmarks.md.
//!
//! The figures are of this machine; what is kept is compared with an earlier run of the same one.
//! Nothing fails by a figure.

mod answers;
mod by_hand;
mod table;

use anyhow::{Result, bail};

use crate::release;
use crate::run::{self, Interrupt, Places};
use table::Measured;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let beside_by_hand = match arguments {
        [] => true,
        [only] if only == "--without-by-hand" => false,
        _ => bail!("knows only --without-by-hand"),
    };
    let programs = release::programs()?;
    let places = Places::of_this_tree()?;
    let interrupt = Interrupt::install()?;
    let (server, job) = run::main_job(&places, &interrupt)?;
    let answers = answers::measure(&programs, &places, &server, &job)?;
    let fetched_share = run::fetched_share(&places, &server, &job, &interrupt)?;
    server.stop()?;
    let by_hand_secs = match beside_by_hand {
        true => Some(by_hand::measure(&places)?),
        false => None,
    };
    let measured = Measured {
        figures: job.figures,
        answers,
        fetched_share,
        by_hand_secs,
    };
    println!("{}", table::text(&measured));
    Ok(())
}
