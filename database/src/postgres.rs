//! PostgreSQL: one pool, for one or many servers on the same database.
//!
//! Transactions run at READ COMMITTED and lock the rows that they rely on; who locks
//! what is the callers' matter. It sets bounds on every wait, so that a server that
//! hangs cannot hold the others up for long.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::{PoolConnection, PoolConnectionMetadata};
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, Postgres};

use crate::address::PostgresConfig;
use crate::error::{DatabaseError, Result, migrated};
use crate::pool::WAIT;

/// A connection that was used a moment ago is taken to be alive still.
const TRUSTED: Duration = Duration::from_secs(1);
/// A connection is replaced now and then, so that a moved server is found again.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// What each connection is told: how long to wait for a lock, for one statement, and for
/// a server that fell silent inside a transaction.
/// What is acknowledged must be durable, whatever the server's file says of commits.
const SETTINGS: &str = "SET lock_timeout = '30s'; SET statement_timeout = '60s'; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// The connections to the server.
#[derive(Clone, Debug)]
pub(crate) struct PostgresDatabase {
    pool: PgPool,
}

impl PostgresDatabase {
    /// Connects, and migrates the schema as needed; servers that start together take turns.
    pub(crate) async fn open(config: &PostgresConfig, migrations: &Migrator) -> Result<Self> {
        let options = config.url.options().application_name("packyard");
        let pool = PgPoolOptions::new()
            // Whoever holds a digest may ask something else meanwhile.
            .max_connections(config.connections.max(2))
            .min_connections(1)
            .acquire_timeout(WAIT)
            .max_lifetime(LIFETIME)
            .test_before_acquire(false)
            .before_acquire(|connection, known| Box::pin(is_usable(connection, known)))
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
            })
            .connect_with(options)
            .await
            .map_err(|source| DatabaseError::Unreachable {
                source: source.into(),
            })?;
        migrations.run(&pool).await.map_err(migrated)?;
        Ok(Self { pool })
    }

    /// The pool itself, for a listener.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    pub(crate) async fn begin(&self) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Asks a connection that idled for an answer before a request relies on it.
async fn is_usable(
    connection: &mut PgConnection,
    known: PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    if known.idle_for > TRUSTED {
        connection.ping().await?;
    }
    Ok(true)
}
