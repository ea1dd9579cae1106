//! What webhooks are to be told: kept until it was told or given up.

use sqlx::FromRow;

use crate::journal::{Journal, JournalError, now};

/// Something to be told.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct DeliveryRow {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) r#type: String,
    pub(crate) body: String,
    pub(crate) attempts: i64,
    pub(crate) due_at: String,
}

impl Journal {
    /// Notes something to be told. The same id twice is one.
    pub(crate) async fn put_delivery(
        &self,
        id: &str,
        target: &str,
        kind: &str,
        body: &str,
    ) -> Result<(), JournalError> {
        sqlx::query(
            "insert into deliveries (id, target, type, body, attempts, created_at, due_at) \
             values (?1, ?2, ?3, ?4, 0, ?5, ?5) on conflict (id) do nothing",
        )
        .bind(id)
        .bind(target)
        .bind(kind)
        .bind(body)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets the oldest where there are more than `most`; answers with how many.
    pub(crate) async fn drop_deliveries(&self, most: i64) -> Result<u64, JournalError> {
        let dropped = sqlx::query(
            "delete from deliveries where id in \
             (select id from deliveries order by created_at desc, id limit 1000000 offset ?1)",
        )
        .bind(most)
        .execute(&self.pool)
        .await?;
        Ok(dropped.rows_affected())
    }

    /// What is due, oldest first.
    pub(crate) async fn due_deliveries(
        &self,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, JournalError> {
        Ok(sqlx::query_as(
            "select id, target, type, body, attempts, due_at from deliveries where due_at <= ?1 \
             order by due_at, id limit ?2",
        )
        .bind(now())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Takes a delivery until `due_at`, so that no other process tells the same; false where one did.
    pub(crate) async fn take_delivery(
        &self,
        row: &DeliveryRow,
        due_at: &str,
    ) -> Result<bool, JournalError> {
        let taken = sqlx::query(
            "update deliveries set due_at = ?3, attempts = attempts + 1 where id = ?1 and due_at = ?2",
        )
        .bind(&row.id)
        .bind(&row.due_at)
        .bind(due_at)
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// It could not be told; it is tried again then.
    pub(crate) async fn put_off_delivery(
        &self,
        id: &str,
        due_at: &str,
        error: &str,
    ) -> Result<(), JournalError> {
        sqlx::query("update deliveries set due_at = ?2, error = ?3 where id = ?1")
            .bind(id)
            .bind(due_at)
            .bind(error)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// It was told, or is given up.
    pub(crate) async fn end_delivery(&self, id: &str) -> Result<(), JournalError> {
        sqlx::query("delete from deliveries where id = ?1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
