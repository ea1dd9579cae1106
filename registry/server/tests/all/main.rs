//! The registry's tests: the real router, behind a real listener, on a folder of its own.

mod fsck;
mod given_up;
mod packs;
mod security;
mod storage;
mod support;
mod uploads;
