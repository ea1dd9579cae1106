//! What both services share: configuration, tracing, shutdown, problem bodies, authentication, TLS.
//!
//! It knows nothing of packs or builds.
