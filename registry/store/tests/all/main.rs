//! The store's tests: its contract, on a folder and a database of its own.

mod contract;
mod maintenance;
mod rows;
mod support;
