//! What a pack, a profile and a reference is: parse, validate, archive, lint.
//!
//! Works on folders and readers that it is given. It knows no network, no
//! async runtime and no other crate of ours.
