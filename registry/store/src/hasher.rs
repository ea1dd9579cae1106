//! Hashing that can stop, be written down, and go on in another process.

use registry_pack::{Algorithm, Digest};
use sha2::digest::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Sha256, Sha512};

use crate::error::{Result, StoreError};

/// The running hash of a staged upload.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Sha256(hash) => Digest::from_sha256(hash.clone().finalize().into()),
            Self::Sha512(hash) => Digest::from_sha512(hash.clone().finalize().into()),
        }
    }

    /// The state as bytes, for the upload's row.
    pub(crate) fn save(&self) -> Vec<u8> {
        match self {
            Self::Sha256(hash) => hash.serialize().to_vec(),
            Self::Sha512(hash) => hash.serialize().to_vec(),
        }
    }

    /// The hasher whose state was saved.
    pub(crate) fn restore(algorithm: Algorithm, state: &[u8]) -> Result<Self> {
        let damaged = || StoreError::Damaged {
            what: format!("the hash state of a {} upload", algorithm.as_str()),
        };
        match algorithm {
            Algorithm::Sha256 => {
                let state = SerializedState::<Sha256>::try_from(state).map_err(|_| damaged())?;
                Ok(Self::Sha256(
                    Sha256::deserialize(&state).map_err(|_| damaged())?,
                ))
            }
            Algorithm::Sha512 => {
                let state = SerializedState::<Sha512>::try_from(state).map_err(|_| damaged())?;
                Ok(Self::Sha512(
                    Sha512::deserialize(&state).map_err(|_| damaged())?,
                ))
            }
        }
    }
}
