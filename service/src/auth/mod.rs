//! Who a request is from: Basic authentication against a htpasswd file, and an
//! internal credential for parts of this process that talk to it over HTTP.

mod authenticator;
mod htpasswd;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

pub use authenticator::{AuthError, Authenticator};
pub use htpasswd::HtpasswdError;

/// Who a request is from. Handlers take it as an extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody said; only where the server is configured to allow that.
    Anonymous,
    /// A user of the htpasswd file.
    User(Arc<str>),
    /// Another part of this very process, such as the image builder.
    Internal,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(name) => f.write_str(name),
            Self::Internal => f.write_str("internal"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or(Self::Anonymous))
    }
}

/// A user and a password. It never shows the password.
#[derive(Clone)]
pub struct Credential {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.user)
    }
}
