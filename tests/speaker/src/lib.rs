//! The few words of the OCI specification that tests speak to a registry, whoever started it.
//!
//! What is not an answer fails the test that asked; what the answer says, the test judges.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The media type of an image's manifest.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Speaks to one registry.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// What it sends with.
    pub client: Client,
    /// `HOST:PORT` of the registry.
    pub address: String,
}

impl Speaker {
    /// Speaks to the registry at `HOST:PORT`, without TLS.
    pub fn to(address: impl Into<String>) -> Self {
        Self {
            client: Client::new(),
            address: address.into(),
        }
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    /// The answer to a request without a body.
    pub async fn send(&self, method: Method, path: &str) -> Response {
        self.request(method, path).send().await.expect("an answer")
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path).await
    }

    /// HEAD.
    pub async fn head(&self, path: &str) -> Response {
        self.send(Method::HEAD, path).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path).await
    }

    /// GET of something that is there and is JSON.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.expect("JSON")
    }

    /// Begins an upload; its location.
    pub async fn begin(&self, repository: &str) -> String {
        let response = self
            .send(Method::POST, &format!("/v2/{repository}/blobs/uploads/"))
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        header(response.headers(), "location")
    }

    /// Pushes bytes and claims a digest for them.
    pub async fn put_blob_as(&self, repository: &str, bytes: &[u8], digest: &str) -> Response {
        let location = self.begin(repository).await;
        self.request(Method::PUT, &format!("{location}?digest={digest}"))
            .body(bytes.to_vec())
            .send()
            .await
            .expect("an answer")
    }

    /// Pushes a blob; its digest.
    pub async fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let response = self.put_blob_as(repository, bytes, &digest).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        digest
    }

    /// Pushes a manifest under a tag or a digest.
    pub async fn put_manifest(
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
    pub async fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> String {
        let manifest = self.image(repository, layer).await.to_string();
        let response = self
            .put_manifest(repository, tag, IMAGE, manifest.clone())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        sha256(manifest)
    }

    /// Pushes the blobs of an image and gives its manifest.
    pub async fn image(&self, repository: &str, layer: &[u8]) -> Value {
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
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address)
            .await
            .expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// The digest of some bytes.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The text of a header that is there.
pub fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing in {headers:?}"));
    value.to_str().expect("text").to_owned()
}

/// Checks status and code of an error in the specification's form; its text.
pub async fn refused(response: Response, status: u16, code: &str) -> String {
    let got = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(got, status, "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(body["errors"][0]["code"], code, "{text}");
    text
}
