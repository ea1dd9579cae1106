//! The engine as a whole, on the fake cloud.

mod bad_input;
mod builds;
mod cancel;
mod failures;
mod matrix;
mod restart;
mod soak;
mod twice;
mod two_workers;
