//! What webhooks are to be told: kept until it was told or given up.

use database::{FromRow, statements, values};

use crate::journal::{Journal, JournalError, now};

statements! {
    PUT: "note what is to be told" = "insert into deliveries \
        (id, target, type, body, attempts, created_at, due_at) \
        values ($1, $2, $3, $4, 0, $5, $5) on conflict (id) do nothing";
    DROP: "forget what was to be told longest ago" = "delete from deliveries where id in \
        (select id from deliveries order by created_at desc, id limit 1000000 offset $1)";
    DUE: "list what is to be told" = "select id, target, type, body, attempts, due_at from deliveries \
        where due_at <= $1 order by due_at, id limit $2";
    TAKE: "take a delivery" = "update deliveries set due_at = $3, attempts = attempts + 1 \
        where id = $1 and due_at = $2";
    PUT_OFF: "put a delivery off" = "update deliveries set due_at = $2, error = $3 where id = $1";
    END: "end a delivery" = "delete from deliveries where id = $1";
}

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
        let now = now();
        let values = values![id, target, kind, body, &now];
        self.pool.execute(&PUT, values).await?;
        Ok(())
    }

    /// Forgets the oldest where there are more than `most`; answers with how many.
    pub(crate) async fn drop_deliveries(&self, most: i64) -> Result<u64, JournalError> {
        Ok(self.pool.execute(&DROP, values![most]).await?)
    }

    /// What is due, oldest first.
    pub(crate) async fn due_deliveries(
        &self,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, JournalError> {
        Ok(self.pool.all(&DUE, values![&now(), limit]).await?)
    }

    /// Takes a delivery until `due_at`, so that no other process tells the same; false where one did.
    pub(crate) async fn take_delivery(
        &self,
        row: &DeliveryRow,
        due_at: &str,
    ) -> Result<bool, JournalError> {
        let values = values![&row.id, &row.due_at, due_at];
        Ok(self.pool.execute(&TAKE, values).await? > 0)
    }

    /// It could not be told; it is tried again then.
    pub(crate) async fn put_off_delivery(
        &self,
        id: &str,
        due_at: &str,
        error: &str,
    ) -> Result<(), JournalError> {
        let values = values![id, due_at, error];
        self.pool.execute(&PUT_OFF, values).await?;
        Ok(())
    }

    /// It was told, or is given up.
    pub(crate) async fn end_delivery(&self, id: &str) -> Result<(), JournalError> {
        self.pool.execute(&END, values![id]).await?;
        Ok(())
    }
}
