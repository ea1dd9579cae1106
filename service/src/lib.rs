//! What both services share: configuration, tracing, shutdown, problem bodies,
//! authentication, the listener, health, metrics, a guarded outbound client.
//!
//! It knows nothing of packs or builds, and no other crate of ours.
//!
//! Where to read on: [`config`] for the file that configures a server,
//! [`gate`] for who may talk to it, [`listener`] for how it is served.

#![deny(missing_docs)]

pub mod auth;
mod body_timeout;
pub mod collector;
pub mod config;
mod descriptors;
pub mod gate;
pub mod health;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod openapi;
pub mod outbound;
mod overload;
mod problem;
mod shutdown;
mod stall;
pub mod telemetry;
mod tls;
pub mod traced;

pub use auth::{Authenticator, Credential, Principal};
pub use gate::{Access, Gate};
pub use listener::Wire;
pub use problem::Problem;
pub use shutdown::shutdown_token;
pub use tokio_util::sync::CancellationToken;
