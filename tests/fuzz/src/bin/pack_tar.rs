//! The tar in the archive of a pack, from a stranger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pack_tar(bytes));
