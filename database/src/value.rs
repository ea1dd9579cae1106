//! What a statement is given, in the types of either database.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, Database, Encode, Type};

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A whole number, or none.
    Int(Option<i64>),
    /// A fraction.
    Float(f64),
    /// Yes, no, or unknown.
    Bool(Option<bool>),
    /// Text, or none.
    Text(Option<&'a str>),
    /// Bytes as they are.
    Bytes(&'a [u8]),
}

/// A list of parameters from anything that is one.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

pub(crate) fn sqlite(values: &[Value<'_>]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        value.add::<sqlx::Sqlite>(&mut arguments)?;
    }
    Ok(arguments)
}

pub(crate) fn postgres(values: &[Value<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            // PostgreSQL has no such character in text. Nothing that is looked up by has
            // it either, so this finds nothing there and keeps the rest of a document.
            Value::Text(Some(text)) if text.contains('\0') => {
                let text = text.replace('\0', "\u{fffd}");
                Value::Text(Some(&text)).add::<sqlx::Postgres>(&mut arguments)?;
            }
            value => value.add::<sqlx::Postgres>(&mut arguments)?,
        }
    }
    Ok(arguments)
}

impl Value<'_> {
    fn add<DB: Database>(self, arguments: &mut DB::Arguments) -> Result<(), sqlx::Error>
    where
        Option<i64>: for<'e> Encode<'e, DB> + Type<DB>,
        f64: for<'e> Encode<'e, DB> + Type<DB>,
        Option<bool>: for<'e> Encode<'e, DB> + Type<DB>,
        for<'e> Option<&'e str>: Encode<'e, DB> + Type<DB>,
        for<'e> &'e [u8]: Encode<'e, DB> + Type<DB>,
    {
        match self {
            Self::Int(number) => arguments.add(number),
            Self::Float(number) => arguments.add(number),
            Self::Bool(flag) => arguments.add(flag),
            Self::Text(text) => arguments.add(text),
            Self::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(Some(flag))
    }
}

impl From<Option<bool>> for Value<'_> {
    fn from(flag: Option<bool>) -> Self {
        Self::Bool(flag)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}
