//! Every query of the store, once in the words of each database.
//!
//! Most text is shared: both know `$1`. Where they differ, a part of the text is
//! a word of the small vocabulary below instead of a literal. A statement can
//! only be made by [`statements!`], which also puts it on the list of its module;
//! the list that nobody collects is a warning, and warnings fail the build. So the
//! test that prepares them all cannot miss one.

/// A query that is known when the program is built.
#[derive(Debug)]
pub(crate) struct Statement {
    /// What it is for, as an error says it.
    pub(super) what: &'static str,
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// Declares the statements of a module: `NAME: "what for" = "text" word "text" word["$1"];`.
macro_rules! statements {
    ($($name:ident: $what:literal =
        $($text:literal $($word:ident $([$argument:literal])?)?)+;)+) => {
        $(
            static $name: $crate::metadata::statement::Statement =
                $crate::metadata::statement::Statement {
                    what: $what,
                    sqlite: concat!($($text, $(
                        $crate::metadata::statement::sqlite!($word $([$argument])?),
                    )?)+),
                    postgres: concat!($($text, $(
                        $crate::metadata::statement::postgres!($word $([$argument])?),
                    )?)+),
                };
        )+
        #[cfg(test)]
        pub(super) const STATEMENTS: &[&$crate::metadata::statement::Statement] = &[$(&$name),+];
    };
}

/// The vocabulary for SQLite, where a writer is alone.
macro_rules! sqlite {
    (now) => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
    (list[$parameter:literal]) => {
        concat!(" json_each(", $parameter, ") AS j ")
    };
    (digest_lock[$parameter:literal]) => {
        $parameter
    };
    (deprecation[$artifact_type:literal]) => {
        $crate::metadata::statement::deprecation!($artifact_type)
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
}

/// The vocabulary for PostgreSQL, where rows are locked by those who rely on them.
macro_rules! postgres {
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
    (deprecation[$artifact_type:literal]) => {
        $crate::metadata::statement::deprecation!($artifact_type)
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
}

/// The annotations of the latest deprecation of the manifest `m`, if there is one.
macro_rules! deprecation {
    ($artifact_type:literal) => {
        concat!(
            " (SELECT coalesce(d.annotations, '') FROM manifests d
               WHERE d.repository_id = m.repository_id AND d.subject = m.digest
               AND d.artifact_type = ",
            $artifact_type,
            " ORDER BY d.id DESC LIMIT 1) AS deprecation "
        )
    };
}

pub(super) use {deprecation, postgres, sqlite, statements};
