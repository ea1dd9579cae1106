//! The integration tests of this crate, in one program. Unit tests of single
//! functions are here, too: they use nothing that is not public.

mod archives;
mod corpus;
mod identifiers;
mod lint;
mod manifests;
mod packs;
mod profiles;
mod support;
mod versions;
