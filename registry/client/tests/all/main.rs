//! The client against servers that misbehave on purpose; one binary, one module
//! for each concern.

mod auth;
mod download;
mod listing;
mod ranges;
mod server;
mod upload;
