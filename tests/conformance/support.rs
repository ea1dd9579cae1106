//! A server on each backend in turn, and the few words that tests speak to it.

use e2e::server::Server;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::backend::{BACKENDS, Backend};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Runs a check on a new server for each backend.
pub(crate) async fn on_each_backend(check: impl AsyncFn(Registry)) {
    on_each_backend_with("", check).await;
}

/// The same, with more lines of the configuration.
#[expect(clippy::print_stdout, reason = "a failure is told with its backend")]
pub(crate) async fn on_each_backend_with(configuration: &str, check: impl AsyncFn(Registry)) {
    for backend in BACKENDS {
        println!("on {}", backend.name);
        check(Registry::start(backend, configuration)).await;
    }
}

/// The digest of some bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A running server with a client.
pub(crate) struct Registry {
    client: Client,
    running: Server,
    _folder: TempDir,
}

impl Registry {
    fn start(backend: &Backend, configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let running = backend
            .start(folder.path(), configuration)
            .expect("a server");
        Self {
            client: Client::new(),
            running,
            _folder: folder,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.running
    }

    pub(crate) fn host(&self) -> &str {
        self.server().host()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.server().url))
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Response {
        self.request(method, path).send().await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path).await
    }

    pub(crate) async fn head(&self, path: &str) -> Response {
        self.send(Method::HEAD, path).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path).await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.expect("JSON")
    }

    /// Begins an upload; its location.
    pub(crate) async fn begin(&self, repository: &str) -> String {
        let response = self
            .send(Method::POST, &format!("/v2/{repository}/blobs/uploads/"))
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        header(response.headers(), "location")
    }

    pub(crate) async fn put_blob_as(
        &self,
        repository: &str,
        bytes: &[u8],
        digest: &str,
    ) -> Response {
        let location = self.begin(repository).await;
        self.request(Method::PUT, &format!("{location}?digest={digest}"))
            .body(bytes.to_vec())
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let response = self.put_blob_as(repository, bytes, digest.as_str()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        digest
    }

    pub(crate) async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        self.request(
            Method::PUT,
            &format!("/v2/{repository}/manifests/{reference}"),
        )
        .header(CONTENT_TYPE, media_type)
        .body(body)
        .send()
        .await
        .expect("an answer")
    }

    /// Pushes an image of one config and one layer; its digest.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> String {
        let manifest = self.image(repository, layer).await.to_string();
        let response = self
            .put_manifest(repository, tag, IMAGE, manifest.clone())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        sha256(manifest.as_bytes())
    }

    /// Pushes the blobs of an image and gives its manifest.
    pub(crate) async fn image(&self, repository: &str, layer: &[u8]) -> Value {
        let config = self.push_blob(repository, b"{}").await;
        let digest = self.push_blob(repository, layer).await;
        json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": "application/octet-stream", "digest": digest, "size": layer.len()}],
        })
    }

    /// Sends a request as it is, with `Connection: close`, and gives all that comes back.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.host()).await.expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub(crate) fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing in {headers:?}"));
    value.to_str().expect("text").to_owned()
}

/// Checks status and code of an error in the specification's form; its text.
pub(crate) async fn refused(response: Response, status: u16, code: &str) -> String {
    let got = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(body["errors"][0]["code"], code, "{text}");
    text
}
