//! Where the registry keeps things: blobs in a folder, metadata in a database.
//!
//! It holds the rules of push, pull, tag and delete. It knows no HTTP.
