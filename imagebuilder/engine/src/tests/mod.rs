//! The engine as a whole: on the fake cloud, and where machines matter on QEMU.

mod bad_input;
mod builds;
mod cancel;
mod events;
mod failures;
mod lifecycle;
mod matrix;
mod on_qemu;
mod reach;
mod restart;
mod retention;
mod rubbish;
mod secrets;
mod soak;
mod stage_store;
mod twice;
mod two_workers;
