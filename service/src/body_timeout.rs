//! Ends a request whose body stalls. hyper times the header only, so a client
//! that opens an upload and falls silent would hold its connection for ever.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use http::Method;

/// Layer: a body must give a piece at least this often.
pub(crate) async fn bound(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::DELETE
    ) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let pieces = stream::unfold(Some(body.into_data_stream()), move |open| async move {
        let mut open = open?;
        match tokio::time::timeout(limit, open.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(open))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Ok(None) => None,
            Err(_) => {
                let error = io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the request's body stalled; send it again from the offset that the server has",
                );
                Some((Err(error), None))
            }
        }
    });
    next.run(Request::from_parts(parts, Body::from_stream(pieces)))
        .await
}
