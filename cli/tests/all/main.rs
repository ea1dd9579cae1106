//! The real program, from outside: what it answers, and how it ends.
//!
//! One binary, one module for each concern. Builds on machines are tested by
//! the end-to-end tests of the whole tree.

mod admin;
mod bad_input;
mod config;
mod credentials;
mod database;
mod gc;
mod help;
mod images;
mod packs;
mod program;
mod pulls;
mod serve;
