//! Every end-to-end test; one binary, one module for each concern.

mod bad_input;
mod clients;
mod contract;
mod disks;
mod main_job;
mod misbehaving;
mod packs;
mod pins;
mod reach;
mod references;
mod reliability;
