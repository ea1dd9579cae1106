//! What can go wrong with a file or a map, split by what the caller can do about it.

use std::io;

/// Why a file was not cut. Nobody needs its map: whoever wants it takes it whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutError {
    /// It has another format.
    #[error("it is no qcow2 image")]
    NotQcow2,
    /// It is one of a kind whose tables cannot be followed.
    #[error("its form is not known here: {0}")]
    Unsupported(&'static str),
    /// Its tables contradict themselves or the file.
    #[error("its tables make no sense: {0}")]
    Malformed(&'static str),
    /// A bound was passed.
    #[error("it is too large: {0}")]
    TooLarge(&'static str),
    /// The system refused.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// Why the bytes of a map are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the map of its chunks cannot be understood: {0}")]
pub struct MapError(pub(crate) &'static str);
