//! The words of the image builder: requests, records, conditions, events, the signature.
//!
//! It does no I/O and knows no async runtime and no HTTP.
