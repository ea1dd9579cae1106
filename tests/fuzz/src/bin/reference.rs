//! A reference, from a stranger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::reference(bytes));
