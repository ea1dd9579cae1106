//! Makes a build happen: queue, lease, journal, the table of steps, undo, reaper, Ansible.
//!
//! It knows no HTTP server and no cloud by name.

mod ansible;
mod journal;
mod process;
mod ssh;
