//! The client against servers that misbehave on purpose; one binary, one module
//! for each concern.

mod auth;
mod download;
mod listing;
mod server;
mod upload;
