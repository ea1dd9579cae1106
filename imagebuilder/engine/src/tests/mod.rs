//! The engine as a whole, on the fake cloud.

mod builds;
