//! Taking a body in: into an upload as it comes, or whole when it is small.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::StatusCode;
use registry_store::{StoreError, Upload};

use super::error::{Code, OciError};

/// Writes the body into the upload; how many bytes came.
///
/// More than `limit` is not written: the caller refuses the request as a whole.
pub(crate) async fn into_upload(
    upload: &mut Upload,
    body: Body,
    limit: Option<u64>,
    idle: Duration,
) -> Result<u64, StoreError> {
    let mut stream = body.into_data_stream();
    let mut received: u64 = 0;
    while let Some(frame) = next(&mut stream, idle).await? {
        received += frame.len() as u64;
        if limit.is_some_and(|limit| received > limit) {
            return Ok(received);
        }
        upload.write(frame).await?;
    }
    Ok(received)
}

/// The whole body, if it has at most `limit` bytes.
pub(crate) async fn whole(
    body: Body,
    announced: Option<u64>,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, OciError> {
    // Reading a little past the limit lets the client finish and see the answer.
    const PATIENCE: usize = 8 << 20;
    let too_large = || {
        let message = format!("the manifest is larger than {limit} bytes");
        OciError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::ManifestInvalid,
            message,
        )
    };
    if announced.is_some_and(|length| length > (limit + PATIENCE) as u64) {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut received = 0;
    while let Some(frame) = next(&mut stream, idle).await? {
        received += frame.len();
        if received > limit + PATIENCE {
            break;
        }
        if received <= limit {
            if first.is_empty() {
                first = frame;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&frame);
            }
        }
    }
    if received > limit {
        return Err(too_large());
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// The next frame. A client that sends nothing for as long as `idle` is gone.
async fn next(
    stream: &mut axum::body::BodyDataStream,
    idle: Duration,
) -> Result<Option<Bytes>, StoreError> {
    match tokio::time::timeout(idle, stream.next()).await {
        Ok(frame) => frame
            .transpose()
            .map_err(|error| StoreError::Body(Box::new(error))),
        Err(_) => Err(StoreError::Body(Box::new(io::Error::from(
            io::ErrorKind::TimedOut,
        )))),
    }
}
