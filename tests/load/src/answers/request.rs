//! The request "see to it that this image exists", as `packyard image build` sends it.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

#[derive(Debug, clap::Args)]
pub(super) struct Request {
    /// The builder's address, http://HOST:PORT.
    #[arg(long)]
    url: String,
    /// What the field Authorization says, where the builder wants one: `Basic …`.
    #[arg(long, env = "LOAD_AUTHORIZATION", hide_env_values = true)]
    authorization: Option<String>,
    /// The profile: PROJECT/profiles/NAME:VERSION.
    #[arg(long)]
    profile: String,
    /// Where the image was built.
    #[arg(long, default_value = "qemu")]
    provider: String,
    /// In which regions it is; may be given several times.
    #[arg(long = "region", default_value = "local")]
    regions: Vec<String>,
}

impl Request {
    pub(super) fn address(&self) -> Result<SocketAddr> {
        self.host()?
            .to_socket_addrs()
            .with_context(|| format!("look up {}", self.url))?
            .next()
            .with_context(|| format!("{} has no address", self.url))
    }

    fn host(&self) -> Result<&str> {
        let host = self.url.strip_prefix("http://");
        let host = host.with_context(|| format!("{} does not begin with http://", self.url))?;
        Ok(host.trim_end_matches('/'))
    }

    /// The request as it goes over the wire.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let body = json!({
            "profile": self.profile,
            "provider": self.provider,
            "regions": self.regions,
            "fresh": false,
        })
        .to_string();
        let host = self.host()?;
        let authorization = match &self.authorization {
            Some(value) => {
                ensure!(
                    value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "the authorization is no value of a field"
                );
                format!("Authorization: {value}\r\n")
            }
            None => String::new(),
        };
        Ok(format!(
            "POST /api/v1/images HTTP/1.1\r\nHost: {host}\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, authorization: Option<&str>) -> Request {
        Request {
            url: url.to_owned(),
            authorization: authorization.map(str::to_owned),
            profile: "library/profiles/a:1.0.0".to_owned(),
            provider: "qemu".to_owned(),
            regions: vec!["local".to_owned()],
        }
    }

    #[test]
    fn the_request_is_whole() {
        let request = request("http://127.0.0.1:80/", Some("Basic YTpi"));
        assert_eq!(request.address().unwrap().port(), 80);
        let text = String::from_utf8(request.bytes().unwrap()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nHost: 127.0.0.1:80\r\nAuthorization: Basic YTpi\r\n"));
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["profile"], "library/profiles/a:1.0.0");
        assert_eq!(body["regions"], json!(["local"]));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        assert!(request("https://127.0.0.1", None).address().is_err());
        assert!(request("http://a", Some("a\r\nb")).bytes().is_err());
    }
}
