//! What two images have in common: a qcow2 file cut where its clusters begin, a map of the
//! pieces, and the plan that makes one file out of others and of what has to be fetched.
//!
//! It reads and writes files that it is given, and blocks while it does. It knows no network,
//! no async runtime and no other crate of ours; who fetches is the caller.
//!
//! Where to read on: [`Disk`] is a file that can be cut, [`ChunkMap`] its pieces in order,
//! [`Plan`] where each piece of a wanted file comes from.

#![deny(missing_docs)]

mod copy;
mod disk;
mod encoding;
mod error;
mod map;
mod plan;
mod qcow2;

pub use copy::CopyError;
pub use disk::Disk;
pub use encoding::MAX_MAP_BYTES;
pub use error::{CutError, MapError};
pub use map::ChunkMap;
pub use plan::Plan;
