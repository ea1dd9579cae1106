//! The map of an image's chunks, from a registry.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::chunk_map(bytes));
