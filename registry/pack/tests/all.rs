//! The integration tests of this crate, in one program. Unit tests of single
//! functions are here, too: they use nothing that is not public.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod archives;
mod corpus;
mod identifiers;
mod lint;
mod manifests;
mod packs;
mod profiles;
mod support;
mod versions;
