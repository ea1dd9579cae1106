//! Pull and push over HTTP, for the command line and the image builder.
//!
//! It may not know the servers.
