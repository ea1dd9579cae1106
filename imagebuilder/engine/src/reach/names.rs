//! Looks names up, as this host does.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Where names lead.
#[async_trait]
pub(crate) trait Names: Send + Sync + 'static {
    /// The addresses of a host.
    async fn find(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
pub(crate) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn find(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
