//! The tables of a qcow2 image, from a file or a registry.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::disk_tables(bytes));
