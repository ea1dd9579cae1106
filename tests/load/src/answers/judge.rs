//! Whether an answer is the image that was asked for.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// How much of a wrong answer is quoted.
const QUOTED_BYTES: usize = 300;

/// Knows the signature, and the bytes of an answer that was right: the next ones are most
/// likely the same, and comparing them costs the measurement less than parsing does.
pub(super) struct Judge {
    signature: String,
    right: Vec<u8>,
}

impl Judge {
    pub(super) fn new(signature: &str) -> Self {
        Self {
            signature: signature.to_owned(),
            right: Vec::new(),
        }
    }

    /// Fails unless the answer is 200 with the verified image of the signature.
    pub(super) fn judge(&mut self, status: u16, body: &[u8]) -> Result<()> {
        let said = || String::from_utf8_lossy(&body[..body.len().min(QUOTED_BYTES)]).into_owned();
        ensure!(status == 200, "wanted 200, got {status}: {}", said());
        if body == self.right {
            return Ok(());
        }
        let answer: Value =
            serde_json::from_slice(body).with_context(|| format!("parse the answer {}", said()))?;
        let image = &answer["image"];
        ensure!(
            image["state"] == "verified",
            "the image is not verified but {}",
            image["state"]
        );
        ensure!(
            image["signature"] == *self.signature,
            "the answer is another image: {}",
            image["signature"]
        );
        self.right = body.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verified_image_of_the_signature_is_right() {
        let mut judge = Judge::new("abc");
        let right = br#"{"image": {"state": "verified", "signature": "abc"}, "built": false}"#;
        for _ in 0..2 {
            judge.judge(200, right).unwrap();
        }
        for (status, body, why) in [
            (202, &right[..], "got 202"),
            (503, b"busy", "busy"),
            (200, b"{", "parse the answer"),
            (200, b"{}", "not verified"),
            (
                200,
                br#"{"image": {"state": "captured", "signature": "abc"}}"#,
                "captured",
            ),
            (
                200,
                br#"{"image": {"state": "verified", "signature": "abd"}}"#,
                "another image",
            ),
        ] {
            let said = format!("{:#}", judge.judge(status, body).unwrap_err());
            assert!(said.contains(why), "{said}");
        }
    }
}
