//! The `packyard` program.

fn main() {}
