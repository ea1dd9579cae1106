//! News between the processes that share a PostgreSQL: LISTEN and NOTIFY.
//!
//! Best effort: what is said while a listener is not connected is lost, and it says so.
//! SQLite has one process, which needs none of it.

use sqlx::postgres::PgListener;

use crate::error::{Result, database};
use crate::pool::{Backend, Pool};

/// Hears what others say on its channels, over a connection of its own.
#[derive(Debug)]
pub struct Listener(PgListener);

/// What a listener heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody said this on this channel.
    Said {
        /// The channel.
        channel: String,
        /// What was said.
        text: String,
    },
    /// The connection was lost and is there again: in between anything may have been said.
    Gap,
}

impl Pool {
    /// Listens on channels; nothing where nobody else can write.
    ///
    /// # Errors
    /// The database refuses or is away.
    pub async fn listen(&self, channels: &[&str]) -> Result<Option<Listener>> {
        let Backend::Postgres(server) = &self.backend else {
            return Ok(None);
        };
        let failed = database("listen for news");
        match listener(server.pool(), channels).await {
            Ok(listener) => Ok(Some(Listener(listener))),
            Err(error) => Err(failed(error)),
        }
    }
}

async fn listener(pool: &sqlx::PgPool, channels: &[&str]) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all(channels.iter().copied()).await?;
    Ok(listener)
}

impl Listener {
    /// Waits for the next news. May be dropped at any time without losing any.
    ///
    /// # Errors
    /// The connection is lost and cannot be made again now.
    pub async fn next(&mut self) -> Result<Heard> {
        match self.0.try_recv().await {
            Ok(Some(said)) => Ok(Heard::Said {
                channel: said.channel().to_owned(),
                text: said.payload().to_owned(),
            }),
            Ok(None) => Ok(Heard::Gap),
            Err(error) => Err(database("listen for news")(error)),
        }
    }
}
