//! The registry's tests: the real router, behind a real listener, on a folder of its own.

mod fsck;
mod packs;
mod security;
mod storage;
mod support;
mod uploads;
