//! The registry over HTTP: `/v2` (OCI) and `/api/v1` (packs, profiles).
//!
//! It may not know the image builder.
