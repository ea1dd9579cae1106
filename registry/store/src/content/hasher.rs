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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_saved_hash_goes_on_as_if_nothing_had_happened(
            content in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
            long in any::<bool>(),
        ) {
            let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let mut whole = Hasher::new(algorithm);
            whole.update(&content);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(content.len());
            let mut hasher = Hasher::new(algorithm);
            let mut from = 0;
            for to in cuts {
                hasher.update(&content[from..to]);
                hasher = Hasher::restore(algorithm, &hasher.save()).expect("its own state");
                from = to;
            }
            prop_assert_eq!(hasher.digest(), whole.digest());
        }

        #[test]
        fn a_foreign_state_is_refused_or_used_but_never_a_panic(
            state in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                if let Ok(mut hasher) = Hasher::restore(algorithm, &state) {
                    hasher.update(b"x");
                }
            }
        }
    }
}
