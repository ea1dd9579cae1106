//! SQLite or PostgreSQL behind one narrow layer: what the registry's metadata and the
//! image builder's journal share.
//!
//! It knows no table. Whoever uses it brings a [`Schema`] of migrations for both, and
//! declares every query with [`statements!`], once in the words of each database. Only
//! this crate and the migrations know a type of sqlx, but for its derive of rows.
//!
//! Where to read on: [`Pool`] opens and asks, [`Transaction`] writes, [`DatabaseError`]
//! says what a refusal means for whoever asked.

#![deny(missing_docs)]

mod address;
mod error;
mod listen;
mod pool;
mod postgres;
mod retry;
mod schema;
mod sqlite;
mod statement;
mod transaction;
mod value;

pub use address::{AddressError, Database, DatabaseUrl, PostgresConfig};
pub use error::{Cause, DatabaseError, Result};
pub use listen::{Heard, Listener};
pub use pool::{Pool, WAIT};
pub use retry::{Collides, retry};
pub use schema::Schema;
pub use sqlx::FromRow;
pub use statement::Statement;
pub use transaction::{Record, Transaction};
pub use value::Value;
