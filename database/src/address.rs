//! Which database it is, and the secret in its address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

/// The address cannot be understood. It is not repeated: it holds a password.
#[derive(Debug, thiserror::Error)]
#[error("the database's address is not of the form postgres://USER:PASSWORD@HOST/DATABASE")]
pub struct AddressError;

/// Where the rows are.
#[derive(Clone, Debug, Default)]
pub enum Database {
    /// A file in the data folder, for one process.
    #[default]
    Sqlite,
    /// A PostgreSQL server, for one or several processes of ours.
    Postgres(PostgresConfig),
}

/// How PostgreSQL is reached.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Its address.
    pub url: DatabaseUrl,
    /// Connections that this process opens at most. Default: 16.
    pub connections: u32,
}

impl PostgresConfig {
    /// The defaults, for this address.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            connections: 16,
        }
    }
}

/// `postgres://user:password@host/database`. Shown, it has no password.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(Box<PgConnectOptions>);

impl DatabaseUrl {
    /// Whether both lead to the same tables, whoever asks for them. One server under two names
    /// is not recognised.
    #[must_use]
    pub fn leads_to_same(&self, other: &Self) -> bool {
        let place = |url: &Self| {
            let options = &url.0;
            let socket = options.get_socket().cloned();
            let database = options.get_database().unwrap_or(options.get_username());
            (
                socket,
                options.get_host().to_owned(),
                options.get_port(),
                database.to_owned(),
            )
        };
        place(self) == place(other)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        (*self.0).clone()
    }
}

impl FromStr for DatabaseUrl {
    type Err = AddressError;

    /// Takes the addresses that PostgreSQL's own tools take. What is wrong with another one is
    /// not told: the text may hold a password anywhere.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let known = ["postgres://", "postgresql://"];
        if !known.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(AddressError);
        }
        text.parse()
            .map(|options| Self(Box::new(options)))
            .map_err(|_| AddressError)
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        write!(f, "postgres://{}@", options.get_username())?;
        match options.get_socket() {
            Some(socket) => write!(f, "{}", socket.to_string_lossy().replace('/', "%2F"))?,
            None => write!(f, "{}:{}", options.get_host(), options.get_port())?,
        }
        write!(f, "/{}", options.get_database().unwrap_or_default())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let check = |text: &str, shown: &str| {
            let url: DatabaseUrl = text.parse().expect("an address");
            assert_eq!(url.to_string(), shown);
            let config = Database::Postgres(PostgresConfig::new(url));
            let told = format!("{config:?}");
            assert!(!told.contains("hunter2"), "{told}");
        };
        check(
            "postgres://packs:hunter2@db.example.com/registry",
            "postgres://packs@db.example.com:5432/registry",
        );
        check(
            "postgresql://packs@localhost:5433/registry?password=hunter2&sslmode=require",
            "postgres://packs@localhost:5433/registry",
        );
        check(
            "postgres://packs:hunter2@%2Frun%2Fpostgresql/registry",
            "postgres://packs@%2Frun%2Fpostgresql/registry",
        );
    }

    #[test]
    fn a_wrong_address_is_refused_and_not_repeated() {
        for text in [
            "mysql://a:hunter2@b/c",
            "hunter2",
            "postgres://a:hunter2@b:port/c",
        ] {
            let error = text.parse::<DatabaseUrl>().expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn two_addresses_of_one_database_are_recognised() {
        let same = |one: &str, other: &str| {
            let parse = |text: &str| text.parse::<DatabaseUrl>().expect("an address");
            parse(one).leads_to_same(&parse(other))
        };
        let one = "postgres://a:b@db.example/registry";
        assert!(same(
            one,
            "postgres://c@db.example:5432/registry?sslmode=require"
        ));
        assert!(!same(one, "postgres://a:b@db.example/builder"));
        assert!(!same(one, "postgres://a:b@db.example:5433/registry"));
        assert!(!same(one, "postgres://a:b@other.example/registry"));
    }
}
