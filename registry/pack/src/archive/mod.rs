//! The file in which a pack travels: a gzipped tar archive.
//!
//! Writing is deterministic: the same folder gives the same bytes, hence the
//! same digest, on every machine. The form:
//!
//! - One top folder, `<name>-<version>/`. Entries sorted by the bytes of their
//!   paths, each folder before what is in it. Empty folders are left out, and
//!   so are the folders of version control systems.
//! - Time 0, owner and group 0 without names, mode 0755 for folders and
//!   executable files, 0644 for the rest. Paths over 100 bytes as GNU tar does.
//! - gzip without name and time, system byte 255 ("unknown", RFC 1952),
//!   compressed by one exact version of one compressor.
//!
//! Reading takes what others write, too: any name for the top folder, a
//! leading `./`, GNU and PAX long names. It refuses what no pack needs: links
//! of any kind (they could lead out of the folder, and their meaning differs
//! from machine to machine), devices, absolute paths, `..`, one path twice.

mod bounded;
mod entries;
mod gzip;
mod headers;
mod inspect;
pub(crate) mod paths;
mod unpack;
mod write;

pub use inspect::{Inspection, inspect};
pub use unpack::unpack;
pub use write::{Archive, write};
