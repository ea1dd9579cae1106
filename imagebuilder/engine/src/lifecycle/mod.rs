//! What becomes of images after they are made. One act, one file.
//!
//! ```text
//! building -> captured -> verified --revoke--> revoked      never answered, never built again
//!                            |  \__ gc by rule: gone, may be built again
//!                            `-- hold: gc leaves it
//! ```

mod collect;
mod dependants;
mod hold;
mod revoke;

use imagebuilder_api::ImageRecord;
use imagebuilder_api::signature::Signature;

use crate::engine::Engine;
use crate::error::EngineError;

pub(crate) use hold::HOLDER_CHARS;
pub(crate) use revoke::{REASON_CHARS, REVOKED, refuse, withdrawn};

impl Engine {
    /// An image that was built here, with its signature.
    async fn signed(&self, signature: &str) -> Result<(Signature, ImageRecord), EngineError> {
        let record = self.image(signature).await?;
        let signature = record
            .signature
            .clone()
            .ok_or_else(|| EngineError::NotFound {
                what: format!("signature of image {signature}"),
            })?;
        Ok((signature, record))
    }
}
