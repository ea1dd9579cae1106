//! Downloads from addresses that people or packs name, into files.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use registry_client::Progress as _;
use service::outbound::{Outbound, OutboundRules};
use tokio::io::AsyncWriteExt as _;

use crate::context::proxies;
use crate::error::CliError;
use crate::progress::Bars;

/// A download that gives nothing for this long is ended.
const STALL: Duration = Duration::from_secs(60);

/// What to download, and what of it is allowed.
pub(crate) struct Download<'a> {
    /// The address.
    pub(crate) url: &'a str,
    /// How people call it.
    pub(crate) label: &'a str,
    /// Whether `http://` will do: only where a checksum is known.
    pub(crate) plain_http: bool,
    /// The largest that it may be.
    pub(crate) max_bytes: u64,
}

impl Download<'_> {
    /// Downloads into a file, which appears only when it is whole.
    pub(crate) async fn to(&self, file: &Path, progress: &Bars) -> Result<(), CliError> {
        let rules = OutboundRules {
            plain_http: self.plain_http,
            hosts: Vec::new(),
            max_bytes: self.max_bytes,
            stall: STALL,
            proxies: proxies()?,
        };
        let outbound = Outbound::new(rules).map_err(|error| self.failed(&error))?;
        let download = outbound
            .get(self.url)
            .await
            .map_err(|error| self.failed(&error))?;
        let transfer = progress.transfer(self.label, download.size_bytes.unwrap_or(0));
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let refused = |error: std::io::Error| CliError::io("write", file, &error);
        let part = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
        let mut out = tokio::fs::File::from_std(part.reopen().map_err(refused)?);
        let (mut stream, mut seen) = (download.stream(), 0);
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| self.failed(&error))?;
            out.write_all(&piece).await.map_err(refused)?;
            seen += piece.len() as u64;
            transfer.position(seen);
        }
        out.flush().await.map_err(refused)?;
        part.persist(file).map_err(|error| refused(error.error))?;
        Ok(())
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> CliError {
        CliError::failed(format!("cannot download {} from {}", self.label, self.url))
            .caused_by(error)
    }
}
