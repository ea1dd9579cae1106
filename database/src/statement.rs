//! A query, once in the words of each database.
//!
//! Most text is shared: both know `$1`. Where they differ, a part of the text is
//! a word of the small vocabulary below instead of a literal. A statement can
//! only be made by [`statements!`], which also puts it on the list of its module;
//! the list that nobody collects is a warning, and warnings fail the build. So the
//! test that prepares them all cannot miss one.

/// A query that is known when the program is built.
#[derive(Debug)]
pub struct Statement {
    /// What it is for, as an error says it.
    pub what: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

/// Declares the statements of a module: `NAME: "what for" = "text" word "text" word["$1"];`.
///
/// The words are `now` (milliseconds since 1970), `list["$1"]` (the elements of a JSON array,
/// as `j.value`), `digest_lock["$1"]`, `notify["'channel', text"]` and the row locks `for_*`, which are nothing on SQLite. Any other word with an
/// argument is a macro of the caller that gives text for both.
#[macro_export]
macro_rules! statements {
    ($($name:ident: $what:literal =
        $($text:literal $($word:ident $([$argument:literal])?)?)+;)+) => {
        $(
            static $name: $crate::Statement =
                $crate::Statement {
                    what: $what,
                    sqlite: concat!($($text, $(
                        $crate::__sqlite!($word $([$argument])?),
                    )?)+),
                    postgres: concat!($($text, $(
                        $crate::__postgres!($word $([$argument])?),
                    )?)+),
                };
        )+
        #[cfg(test)]
        pub(super) const STATEMENTS: &[&$crate::Statement] = &[$(&$name),+];
    };
}

/// The vocabulary for SQLite, where a writer is alone.
#[doc(hidden)]
#[macro_export]
macro_rules! __sqlite {
    (now) => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
    (list[$parameter:literal]) => {
        concat!(" json_each(", $parameter, ") AS j ")
    };
    (digest_lock[$parameter:literal]) => {
        $parameter
    };
    (notify[$said:literal]) => {
        $said
    };
    (for_key_share) => {
        ""
    };
    (for_share) => {
        ""
    };
    (for_no_key_update) => {
        ""
    };
    (for_update) => {
        ""
    };
    (for_update_skip_locked) => {
        ""
    };
    ($word:ident[$argument:literal]) => {
        $word!($argument)
    };
}

/// The vocabulary for PostgreSQL, where rows are locked by those who rely on them.
#[doc(hidden)]
#[macro_export]
macro_rules! __postgres {
    (now) => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
    (list[$parameter:literal]) => {
        concat!(
            " jsonb_array_elements_text(CAST(CAST(",
            $parameter,
            " AS TEXT) AS JSONB)) AS j (value) "
        )
    };
    (digest_lock[$parameter:literal]) => {
        concat!("pg_advisory_xact_lock(", $parameter, ")")
    };
    (notify[$said:literal]) => {
        concat!("pg_notify(", $said, ")")
    };
    (for_key_share) => {
        " FOR KEY SHARE"
    };
    (for_share) => {
        " FOR SHARE"
    };
    (for_no_key_update) => {
        " FOR NO KEY UPDATE"
    };
    (for_update) => {
        " FOR UPDATE"
    };
    (for_update_skip_locked) => {
        " FOR UPDATE SKIP LOCKED"
    };
    ($word:ident[$argument:literal]) => {
        $word!($argument)
    };
}
