//! The registry's tests: the real router, behind a real listener, on a folder of its own.

mod packs;
mod security;
mod support;
mod uploads;
