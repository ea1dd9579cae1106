//! Records of images that nobody built, so that a benchmark meets a database as large as that of
//! an installation in its later years.
//!
//! **For benchmarks only.** Each is the row of a real, verified image under a signature and a
//! digest of its own. Nothing else is made: no build behind it, no stage, and no artifact in the
//! registry, so a seeded image can be listed and shown, and not pulled. Nor does its chain of
//! inputs give its signature. They stay until the data folder goes.
//!
//! The server may run: transactions are short, and SQLite's log lets others read meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{Connection as _, FromRow};

/// Rows of one transaction: a few milliseconds, in which the server's writes wait.
const ROWS_AT_ONCE: u64 = 200;
/// How long the server's own writes are waited for.
const BUSY: Duration = Duration::from_secs(60);

const COUNT: &str = "select count(*) from images";
const READ: &str = "select signature, state, profile, build, repository, digest, record, created_at \
    from images where signature = $1";
const WRITE: &str = "insert into images \
    (signature, state, profile, build, repository, digest, record, created_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

#[derive(Clone, Debug, FromRow, PartialEq)]
struct Row {
    signature: String,
    state: String,
    profile: String,
    build: Option<String>,
    repository: Option<String>,
    digest: Option<String>,
    record: String,
    created_at: String,
}

/// How many images the database has.
pub(super) fn count(database: &Path) -> Result<u64> {
    wait(async {
        let mut connection = open(database).await?;
        counted(&mut connection).await
    })
}

/// Copies the image of a signature until the database has so many; how many were added.
pub(super) fn fill(database: &Path, signature: &str, records: u64) -> Result<u64> {
    let began = Instant::now();
    let added = wait(async {
        let mut connection = open(database).await?;
        let row = real(&mut connection, signature).await?;
        let missing = records.saturating_sub(counted(&mut connection).await?);
        let mut left = missing;
        while left > 0 {
            let rows = left.min(ROWS_AT_ONCE);
            insert(&mut connection, &row, rows).await?;
            left -= rows;
        }
        // Else the server would read through a log as large as the rows.
        sqlx::query("pragma wal_checkpoint(truncate)")
            .execute(&mut connection)
            .await
            .context("merge the log")?;
        connection.close().await.context("close the database")?;
        anyhow::Ok(missing)
    })?;
    eprintln!(
        "seeded {added} records in {:.0} s; {} has {} MB",
        began.elapsed().as_secs_f64(),
        database.display(),
        std::fs::metadata(database).map_or(0, |file| file.len() / 1_000_000)
    );
    Ok(added)
}

fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start a runtime for the database")?
        .block_on(work)
}

async fn open(database: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        // Nobody would miss a seeded row after a power cut.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY);
    SqliteConnection::connect_with(&options)
        .await
        .with_context(|| format!("open {}", database.display()))
}

async fn counted(connection: &mut SqliteConnection) -> Result<u64> {
    let count: i64 = sqlx::query_scalar(COUNT)
        .fetch_one(connection)
        .await
        .context("count the images")?;
    Ok(u64::try_from(count)?)
}

async fn real(connection: &mut SqliteConnection, signature: &str) -> Result<Row> {
    let row: Option<Row> = sqlx::query_as(READ)
        .bind(signature)
        .fetch_optional(connection)
        .await
        .context("read the image")?;
    let row = row.with_context(|| format!("the database has no image {signature}"))?;
    ensure!(
        row.state == "verified",
        "the image {signature} is {}",
        row.state
    );
    Ok(row)
}

async fn insert(connection: &mut SqliteConnection, row: &Row, rows: u64) -> Result<()> {
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .context("begin to write")?;
    for _ in 0..rows {
        let copy = copy(row);
        sqlx::query(WRITE)
            .bind(copy.signature)
            .bind(copy.state)
            .bind(copy.profile)
            .bind(copy.build)
            .bind(copy.repository)
            .bind(copy.digest)
            .bind(copy.record)
            .bind(copy.created_at)
            .execute(&mut *transaction)
            .await
            .context("write a record")?;
    }
    transaction.commit().await.context("write the records")
}

/// The same image under another signature, as if another build had made it: also in its record.
fn copy(row: &Row) -> Row {
    let signature = random();
    let mut record = row.record.replace(&row.signature, &signature);
    let digest = row.digest.as_ref().map(|old| {
        let new = format!("sha256:{}", random());
        record = record.replace(old, &new);
        new
    });
    Row {
        signature,
        digest,
        record,
        ..row.clone()
    }
}

/// 64 digits, as a signature and the end of a digest have.
fn random() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests;
