//! HTTP/1.1 as the load generator speaks it: over sockets of its own, so that what it costs is
//! known and small. It knows requests and answers, and nothing of registries.

mod connection;
mod exchange;
mod head;
mod tls;

pub(crate) use connection::{Answer, Body, Connection};
pub(crate) use exchange::Exchange;
pub(crate) use head::Head;
pub(crate) use tls::{Certificate, ClientTls};
