//! Header fields with ranges and entity tags, from a stranger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::range(bytes));
