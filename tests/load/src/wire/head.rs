//! The head of an answer: status, length, and the few fields that a client of a registry needs.

use anyhow::{Context as _, Result, bail};

/// More fields than any of the servers sends.
const FIELDS: usize = 32;

/// What stands before the body of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head itself.
    pub(crate) length: usize,
    /// Bytes of the body.
    pub(crate) body: u64,
    pub(crate) location: Option<String>,
    pub(crate) closes: bool,
}

impl Head {
    /// Reads a head; `None` while it is not complete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let length = match answer.parse(bytes).context("read the head of an answer")? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let status = answer.code.context("find the status")?;
        let mut head = Self {
            status,
            length,
            body: 0,
            location: None,
            closes: false,
        };
        for field in answer.headers.iter() {
            let value = std::str::from_utf8(field.value).context("read a field")?;
            match field.name.to_ascii_lowercase().as_str() {
                "content-length" => head.body = value.parse().context("read the length")?,
                "transfer-encoding" => bail!("the answer has no length: {value}"),
                "location" => head.location = Some(value.to_owned()),
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        if matches!(status, 204 | 304) {
            head.body = 0;
        }
        Ok(Some(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let text = b"HTTP/1.1 202 Accepted\r\nLocation: /v2/a\r\nContent-Length: 3\r\n\r\nabc";
        assert!(Head::parse(&text[..20]).unwrap().is_none());
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!(
            (head.status, head.body, head.length),
            (202, 3, text.len() - 3)
        );
        assert_eq!(head.location.as_deref(), Some("/v2/a"));
        assert!(!head.closes);
    }

    #[test]
    fn what_has_no_length_or_is_no_answer_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }
}
