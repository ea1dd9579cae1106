//! The tables, as the migrations of each database make them.

use database::Schema;

pub(super) static SCHEMA: Schema = Schema {
    sqlite: &sqlx::migrate!("migrations/sqlite"),
    postgres: &sqlx::migrate!("migrations/postgres"),
};
