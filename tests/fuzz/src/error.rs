//! What a refused manifest becomes, as far as its parser needs it: here nobody answers.

/// The code that the parser of manifests uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    ManifestInvalid,
}

/// A refusal.
#[derive(Debug)]
pub(crate) struct OciError;

impl OciError {
    pub(crate) fn bad_request(_: Code, message: impl Into<String>) -> Self {
        let message: String = message.into();
        assert!(!message.is_empty());
        Self
    }
}
