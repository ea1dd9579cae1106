//! A server that is no registry: the same bytes from the same libraries with nothing around them.
//!
//! What it reaches is what a registry on axum and hyper can reach on this machine. It serves a
//! manifest from memory and a file as one mapping; both lie in its folder.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderName, HeaderValue};
use memmap2::Mmap;

/// The name of the manifest in the folder, and of the file.
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const FILE: &str = "blob";
/// Where it serves them.
pub(crate) const MANIFEST_TARGET: &str = "/manifest";
pub(crate) const FILE_TARGET: &str = "/file";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The address to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// The folder with the files to serve.
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Clone)]
struct Served {
    manifest: Bytes,
    file: Bytes,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let served = Served {
        manifest: std::fs::read(options.folder.join(MANIFEST))
            .context("read the manifest")?
            .into(),
        file: Bytes::from_owner(map(&options.folder.join(FILE))?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(options.listen, served))
}

async fn serve(listen: SocketAddr, served: Served) -> Result<()> {
    let routes = Router::new()
        .route("/v2/", get(|| async { "{}" }))
        .route(MANIFEST_TARGET, get(manifest))
        .route(FILE_TARGET, get(file))
        .with_state(served);
    let socket = tokio::net::TcpListener::bind(listen).await?;
    axum::serve(socket, routes).await.context("serve")
}

/// As many bytes of header as a registry sends.
async fn manifest(State(served): State<Served>) -> Response {
    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut response = Response::new(Body::from(served.manifest));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json");
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(ETAG, HeaderValue::from_static(DIGEST));
    let name = HeaderName::from_static("docker-content-digest");
    headers.insert(name, HeaderValue::from_static(DIGEST));
    response
}

async fn file(State(served): State<Served>) -> Body {
    Body::from(served.file)
}

#[expect(unsafe_code, reason = "a mapping is the limit that is measured")]
fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    // SAFETY: the benchmark wrote the file and changes it no more while this server runs.
    unsafe { Mmap::map(&file) }.with_context(|| format!("map {}", path.display()))
}
